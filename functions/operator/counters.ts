import {
  type AttributeValue,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';

import { forecast, perSecond } from '../../lib/budget/forecast.ts';
import { slowed } from '../../lib/budget/orders.ts';
import { isPlausible } from '../../lib/budget/plausible.ts';
import type { BudgetSettings } from '../../lib/budget/settings.ts';
import { type BudgetStream, TABLE } from '../../lib/contract.ts';
import { isResting } from '../../lib/waf/breaker-state.ts';
import { breakerStateOf } from '../../lib/waf/dynamo-breaker-store.ts';
import type { OperatorCounters, StreamStatus } from './operate.ts';

/**
 * The counters' items as an operator reads and changes them. Errors of the SDK come out as they are.
 *
 * @param settings of the broker: what is plausible follows from them
 */
export function createOperatorCounters({
  dynamodb,
  table,
  settings,
}: {
  readonly dynamodb: DynamoDBClient;
  readonly table: string;
  readonly settings: BudgetSettings;
}): OperatorCounters {
  const itemOf = (budget: string, stream: BudgetStream) => ({
    TableName: table,
    Key: { [TABLE.partitionKey]: { S: TABLE.budgetKey(budget, stream) } },
  });
  const read = async (
    budget: string,
    stream: BudgetStream,
  ): Promise<Readonly<Record<string, AttributeValue>> | undefined> => {
    const { Item } = await dynamodb.send(
      new GetItemCommand({ ...itemOf(budget, stream), ConsistentRead: true }),
    );
    return Item;
  };
  /** What cannot be read as a moment is implausible too. */
  const nextMsOf = (item: Readonly<Record<string, AttributeValue>>): number =>
    item.nextMs === undefined ? Number.NaN : Number(item.nextMs.N);
  const isSound = (nextMs: number, stream: BudgetStream, nowMs: number): boolean =>
    isPlausible(nextMs, nowMs, stream, settings);

  return {
    async status(budget, stream, nowMs, orders): Promise<StreamStatus> {
      const item = await read(budget, stream);
      const taken = slowed(settings[stream], stream, orders);
      const rate = { perSecond: perSecond(taken), settingsInUse: item?.settings?.S?.split(' ') ?? [] };
      if (item === undefined) return { stream, breaker: 'absent', ...rate, implausible: false };
      const nextMs = nextMsOf(item);
      return {
        stream,
        breaker: breakerOf(item, nowMs),
        ...(Number.isFinite(nextMs) && {
          nextInMs: nextMs - nowMs,
          couldStartInMs: forecast(nextMs, nowMs, taken),
        }),
        ...rate,
        implausible: item.nextMs !== undefined && !isSound(nextMs, stream, nowMs),
      };
    },

    async halfOpen(budget, stream, nowMs) {
      return applied(
        dynamodb.send(
          new UpdateItemCommand({
            ...itemOf(budget, stream),
            UpdateExpression: 'SET blockedUntilMs = :now',
            ConditionExpression: 'blockedUntilMs > :now',
            ExpressionAttributeValues: { ':now': { N: String(nowMs) } },
          }),
        ),
      );
    },

    async heal(budget, stream, nowMs) {
      const item = await read(budget, stream);
      if (item?.nextMs === undefined || isSound(nextMsOf(item), stream, nowMs)) return false;
      return applied(
        dynamodb.send(
          new DeleteItemCommand({
            ...itemOf(budget, stream),
            ConditionExpression: 'nextMs = :seen',
            ExpressionAttributeValues: { ':seen': item.nextMs },
          }),
        ),
      );
    },
  };
}

function breakerOf(item: Readonly<Record<string, AttributeValue>>, nowMs: number): StreamStatus['breaker'] {
  if (item.blockedUntilMs === undefined) return 'closed';
  return isResting(breakerStateOf(item), nowMs) ? 'open' : 'half-open';
}

async function applied(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}
