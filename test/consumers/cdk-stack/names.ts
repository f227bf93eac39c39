import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch';
import middy from '@middy/core';
import type { SQSEvent } from 'aws-lambda';
import { plume } from 'plume-m2m-token-broker';

const processor = new BatchProcessor(EventType.SQS);

export const handler = middy()
  .use(plume<SQSEvent>({ client: 'mocha', retry: { limit: 2 } }))
  .handler((event, context) => {
    const rename = async ({ body }: { body: string }) => {
      await context.plume.json('/v1/locations/7', { method: 'PUT', json: { name: body } });
    };
    return processPartialResponse(event, rename, processor, { context });
  });
