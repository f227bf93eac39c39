import { type AttributeValue, type DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';

import { type BudgetStream, TABLE } from '../contract.ts';
import { isResting } from '../waf/breaker-state.ts';
import { breakerStateOf } from '../waf/dynamo-breaker-store.ts';
import { createDynamoOrderReader } from './dynamo-orders.ts';
import { type Forecast, forecast, perSecond } from './forecast.ts';
import { activeOrders, type BudgetOrders, slowed } from './orders.ts';
import { isPlausible } from './plausible.ts';
import type { BudgetSettings } from './settings.ts';

/** The state of a budget, for people: what the operator's `status` and the inspector tell. Moments are ISO 8601, in UTC. */
export interface BudgetStatus {
  readonly budget: string;
  readonly paused?: {
    readonly until: string;
    readonly reason: string;
    readonly by: string;
    readonly minter: boolean;
  };
  readonly slowed?: {
    readonly until: string;
    readonly reason: string;
    readonly by: string;
    readonly share: number;
  };
  readonly streams: readonly StreamStatus[];
}

export interface StreamStatus {
  readonly stream: BudgetStream;
  /** `absent`: no call was made yet, or the item was deleted. */
  readonly breaker: 'closed' | 'open' | 'half-open' | 'absent';
  /** How far ahead of now the next free ticket becomes valid; negative after a pause without calls. */
  readonly nextInMs?: number;
  /** When one call could start and the last of ten could, in ms from now, if no other caller reserves and the breaker is closed. */
  readonly couldStartInMs?: Forecast;
  /** Calls a second, in the mean, that the broker's settings and `slow` give it. */
  readonly perSecond: number;
  /** By name: settings with which tickets were taken lately. More than one while a deployment lasts. */
  readonly settingsInUse: readonly string[];
  /** `nextMs` lies further ahead than any honest caller can have moved it: `heal` deletes it. */
  readonly implausible: boolean;
}

/** One read per counter and one of the orders; no ticket is taken. Errors of the SDK are thrown unchanged. */
export async function readBudgetStatus(
  budget: string,
  nowMs: number,
  where: {
    readonly dynamodb: DynamoDBClient;
    readonly table: string;
    /** The broker's: rate, forecast and plausibility follow from them. */
    readonly settings: BudgetSettings;
  },
): Promise<BudgetStatus> {
  const { dynamodb, table, settings } = where;
  const orders = await createDynamoOrderReader({ dynamodb, table, budget }).read();
  const active = activeOrders(orders, nowMs);
  const streams = await Promise.all(
    (['worker', 'minter'] satisfies BudgetStream[]).map(async (stream) => {
      const { Item } = await dynamodb.send(
        new GetItemCommand({
          TableName: table,
          Key: { [TABLE.partitionKey]: { S: TABLE.budgetKey(budget, stream) } },
          ConsistentRead: true,
        }),
      );
      return streamStatus(Item, { stream, nowMs, settings, orders: active });
    }),
  );
  const { pause, slow } = active;
  return {
    budget,
    ...(pause && { paused: { ...told(pause), minter: pause.minter } }),
    ...(slow && { slowed: { ...told(slow), share: slow.share } }),
    streams,
  };
}

/** Where a counter's item stands: NaN if that is no moment. */
export function nextMsOf(item: Readonly<Record<string, AttributeValue>>): number {
  return item.nextMs === undefined ? Number.NaN : Number(item.nextMs.N);
}

function streamStatus(
  item: Readonly<Record<string, AttributeValue>> | undefined,
  of: { stream: BudgetStream; nowMs: number; settings: BudgetSettings; orders: BudgetOrders },
): StreamStatus {
  const { stream, nowMs, settings, orders } = of;
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
    implausible: item.nextMs !== undefined && !isPlausible(nextMs, nowMs, stream, settings),
  };
}

function breakerOf(item: Readonly<Record<string, AttributeValue>>, nowMs: number): StreamStatus['breaker'] {
  if (item.blockedUntilMs === undefined) return 'closed';
  return isResting(breakerStateOf(item), nowMs) ? 'open' : 'half-open';
}

function told(order: { readonly untilMs: number; readonly reason: string; readonly by: string }) {
  const { untilMs, reason, by } = order;
  return { until: new Date(untilMs).toISOString(), reason, by };
}
