import { type DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';

import { type StreamOfBudget, TABLE } from '../contract.ts';
import type { Now } from '../platform/clock.ts';
import { errorReason } from '../platform/error-reason.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { isResting } from '../waf/breaker-state.ts';
import { breakerStateOf } from '../waf/dynamo-breaker-store.ts';

/** The streams of which each tick reports a state. */
export interface WatchedStreams {
  readonly dynamodb: DynamoDBClient;
  readonly table: string;
  readonly streams: readonly StreamOfBudget[];
  /** DynamoDB's clock, in Unix ms. */
  readonly now: Now;
  readonly telemetry: Telemetry;
}

/**
 * Reports for each stream whether the WAF blocks it now: a state, and not the event that began
 * it, so that an alarm lasts as long as the block does. A counter that cannot be read is logged and reported as nothing.
 */
export async function reportResting(watched: WatchedStreams): Promise<void> {
  const { dynamodb, table, streams, now, telemetry } = watched;

  async function report({ budget, stream }: StreamOfBudget): Promise<void> {
    try {
      const { Item } = await dynamodb.send(
        new GetItemCommand({
          TableName: table,
          Key: { [TABLE.partitionKey]: { S: TABLE.budgetKey(budget, stream) } },
          ProjectionExpression: 'blockedUntilMs',
        }),
      );
      telemetry.metric('CallsResting', isResting(breakerStateOf(Item ?? {}), now()) ? 1 : 0, {
        budget,
        stream,
      });
    } catch (error) {
      telemetry.log('error', 'could not read from the counter whether the WAF blocks the calls of a budget', {
        budget,
        stream,
        reason: errorReason(error),
      });
    }
  }

  await Promise.all(streams.map(report));
}
