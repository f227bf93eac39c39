import { withDurableExecution } from '@aws/durable-execution-sdk-js';
import { type Plume, shouldPostpone } from '../../../lib/index.ts';

export const durableRename = (mocha: Plume) =>
  withDurableExecution(async (event: { id: number; name: string }, context) => {
    for (;;) {
      const { body, waitSeconds } = await context.step('rename', () =>
        mocha.run(
          async ({ json }) => {
            try {
              const { id, name } = event;
              return { body: await json(`/v1/locations/${id}`, { method: 'PUT', json: { name } }) };
            } catch (error) {
              if (!shouldPostpone(error)) throw error;
              const waitMs = (error.retryAtMs ?? Date.now() + 30_000) - Date.now();
              return { waitSeconds: Math.max(1, Math.ceil(waitMs / 1_000)) };
            }
          },
          { context },
        ),
      );
      if (waitSeconds === undefined) return body;
      await context.wait({ seconds: waitSeconds });
    }
  });
