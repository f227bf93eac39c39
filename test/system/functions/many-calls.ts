import { setTimeout as sleep } from 'node:timers/promises';

import middy from '@middy/core';

import { isPlumeError } from '../../../lib/errors.ts';
import { plume } from '../../../lib/middleware/plume.ts';

export interface CallerEvent {
  readonly calls: number;
  /** Unix ms: every instance begins at the same moment. */
  readonly startAtMs: number;
}

/** Makes all its calls at once. Answers how many ended in each way: a status, or an error's code. */
export const handler = middy()
  .use(plume<CallerEvent>({ client: 'mocha', calls: ({ calls }) => calls }))
  .handler(async ({ calls, startAtMs }, context): Promise<Record<string, number>> => {
    await sleep(Math.max(0, startAtMs - Date.now()));
    const ends: Record<string, number> = {};
    const call = async (index: number): Promise<void> => {
      const end = await context.plume.fetch(`/api/v1/locations/${index}`).then(
        async (response) => {
          await response.body?.cancel();
          return String(response.status);
        },
        (error: unknown) => (isPlumeError(error) ? error.code : String(error)),
      );
      ends[end] = (ends[end] ?? 0) + 1;
    };
    await Promise.all(Array.from({ length: calls }, (_, index) => call(index)));
    return ends;
  });
