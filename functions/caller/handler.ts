import type { Context } from 'aws-lambda';

import { createPlume } from '../../lib/middleware/create-plume.ts';
import { required } from '../../lib/settings.ts';
import { type CallAnswer, call } from './call.ts';
import { failureOf } from './failure.ts';

/** For callers that are not in TypeScript: one event is one call of Plume's API, for the one client of this function. */

const client = required(process.env, 'client');
const plume = createPlume({ client });
const dependencies = {
  client,
  plumeOf: (maxWaitMs: number | undefined) =>
    maxWaitMs === undefined ? plume : createPlume({ client, maxWaitMs }),
};

export async function handler(event: unknown, context: Context): Promise<CallAnswer> {
  try {
    return await call(event, context, dependencies);
  } catch (error) {
    throw failureOf(error);
  }
}
