import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { BudgetStream } from '../contract.ts';
import type { StreamSettings } from './settings.ts';

/**
 * What an operator has ordered of a budget: no calls, or a share of its rate, until a moment. Workers and the minter read the
 * item and never write it. An order ends by itself, so a forgotten order does not stop calls for ever.
 */
export interface BudgetOrders {
  readonly pause?: PauseOrder;
  readonly slow?: SlowOrder;
  /** When an operator lifted a WAF block (Unix ms): what an instance has known of it since before is out of date. */
  readonly liftedAtMs?: number;
}

/** How soon a call that a pause refused may be tried again, so that it is made soon after an operator's `resume`. */
export const PAUSE_RETRY_MS = 45_000;

/** Who gave an order, when and why. */
interface Order {
  /** Unix ms. The order holds before this moment. */
  readonly untilMs: number;
  /** Unix ms. */
  readonly orderedAtMs: number;
  /** In the operator's words. */
  readonly reason: string;
  /** The caller's ARN, as the command states it. It is not proven: CloudTrail's event of the invocation is. */
  readonly by: string;
}

/** The workers' stream makes no calls. */
export interface PauseOrder extends Order {
  /** Minting stops too. */
  readonly minter: boolean;
}

/** The workers' interval is divided by `share`. A longer interval never weakens the bound. */
export interface SlowOrder extends Order {
  /** Above 0, below 1. */
  readonly share: number;
}

/** No order lasts longer: what is later in the item is not believed. */
export const MAX_ORDER_MS = 7 * 86_400_000;

/** The orders that hold at `nowMs`. */
export function activeOrders(orders: BudgetOrders, nowMs: number): BudgetOrders {
  const { pause, slow, ...lifted } = orders;
  const holds = (order: Order | undefined): boolean =>
    order !== undefined && order.untilMs > nowMs && order.untilMs <= nowMs + MAX_ORDER_MS;
  return { ...lifted, ...(pause && holds(pause) && { pause }), ...(slow && holds(slow) && { slow }) };
}

/**
 * A stream as an order has slowed it. The minter's own is not slowed; a longer interval never weakens the bound, so nothing else
 * changes.
 */
export function slowed(stream: StreamSettings, name: BudgetStream, { slow }: BudgetOrders): StreamSettings {
  if (slow === undefined || name !== 'worker') return stream;
  return { ...stream, intervalMs: Math.ceil(stream.intervalMs / slow.share) };
}

/** When a call that a pause refused may be tried again: at the pause's end, or sooner, to see whether it was ended. */
export function pauseEndMs({ untilMs }: PauseOrder, nowMs: number, random: number): number {
  const spreadMs = Math.ceil((random * PAUSE_RETRY_MS) / 10);
  return Math.min(untilMs, nowMs + PAUSE_RETRY_MS - PAUSE_RETRY_MS / 10) + spreadMs;
}

/** What cannot be read is no order. */
export function ordersOf(item: Readonly<Record<string, AttributeValue>> | undefined): BudgetOrders {
  const maps = { pause: item?.pause?.M ?? {}, slow: item?.slow?.M ?? {} };
  const pause = orderOf(maps.pause);
  const slow = orderOf(maps.slow);
  const share = Number(maps.slow.share?.N);
  const liftedAtMs = Number(item?.liftedAtMs?.N);
  return {
    ...(pause && { pause: { ...pause, minter: maps.pause.minter?.BOOL === true } }),
    ...(slow && share > 0 && share < 1 && { slow: { ...slow, share } }),
    ...(Number.isSafeInteger(liftedAtMs) && { liftedAtMs }),
  };
}

function orderOf(map: Readonly<Record<string, AttributeValue>>): Order | undefined {
  const untilMs = Number(map.untilMs?.N);
  if (!Number.isSafeInteger(untilMs)) return undefined;
  const orderedAtMs = Number(map.orderedAtMs?.N);
  return {
    untilMs,
    // Whoever wrote it by hand left it out: then it is as old as it can be, so that the alarm of a long pause is raised.
    orderedAtMs: Number.isSafeInteger(orderedAtMs) ? orderedAtMs : untilMs - MAX_ORDER_MS,
    reason: map.reason?.S ?? '',
    by: map.by?.S ?? '',
  };
}

/** The attribute of one order in the item: `pause` or `slow`. */
export function orderAttribute(order: PauseOrder | SlowOrder): AttributeValue {
  const { untilMs, orderedAtMs, reason, by } = order;
  return {
    M: {
      untilMs: { N: String(untilMs) },
      orderedAtMs: { N: String(orderedAtMs) },
      reason: { S: reason },
      by: { S: by },
      ...('share' in order ? { share: { N: String(order.share) } } : { minter: { BOOL: order.minter } }),
    },
  };
}
