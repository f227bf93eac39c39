import type { StreamOfBudget } from '../contract.ts';
import { errorReason } from '../platform/error-reason.ts';
import { createDynamoOrderReader } from './dynamo-orders.ts';
import { activeOrders } from './orders.ts';
import type { WatchedStreams } from './report-resting.ts';

/**
 * Reports for each budget of workers how long ago an operator paused it, as long as the pause lasts: an operator can forget it.
 * Orders that cannot be read are logged and reported as nothing.
 */
export async function reportPauses(watched: WatchedStreams): Promise<void> {
  const { dynamodb, table, streams, now, telemetry } = watched;

  async function report({ budget }: StreamOfBudget): Promise<void> {
    try {
      const { pause } = activeOrders(
        await createDynamoOrderReader({ dynamodb, table, budget }).read(),
        now(),
      );
      if (pause === undefined) return;
      const seconds = Math.round((now() - pause.orderedAtMs) / 1000);
      telemetry.metric('PauseAge', Math.max(0, seconds), { budget });
    } catch (error) {
      telemetry.log('error', 'could not read whether an operator has paused the calls of a budget', {
        budget,
        reason: errorReason(error),
      });
    }
  }

  await Promise.all(streams.filter(({ stream }) => stream === 'worker').map(report));
}
