import middy from '@middy/core';
import type { Context, SQSEvent } from 'aws-lambda';
import { type PlumeApi, plume } from 'plume-m2m-token-broker';

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;

/** What the compiler knows of event and context without being told. */
export const handler = middy()
  .use(plume<SQSEvent>({ client: 'mocha', calls: ({ Records }) => Records.length }))
  .handler(async (event, context) => {
    const isKnown: [Same<typeof event, SQSEvent>, Same<typeof context, Context & { plume: PlumeApi }>] = [
      true,
      true,
    ];
    const response = await context.plume.fetch('/v1/locations');
    return { isKnown, status: response.status, records: event.Records.length };
  });
