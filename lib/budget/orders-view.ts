import { errorReason } from '../platform/error-reason.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { BudgetClock } from './budget-clock.ts';
import { activeOrders, type BudgetOrders } from './orders.ts';

/** Where an operator's orders are read: an item that workers may read and not write. */
export interface OrderReader {
  /** @throws whatever the engine throws that cannot be reached */
  read(): Promise<BudgetOrders>;
}

/**
 * What one instance knows of an operator's orders.
 *
 * They are looked at before its first call; after that the counter says with each reservation whether an order was given since.
 * Any worker could change that value, so instances do not rely on it alone: an instance looks by itself every minute, and whenever it
 * has seen no reply of the counter for five seconds but still sends.
 */
export interface OrdersView {
  /** The orders that hold now. */
  active(): BudgetOrders;
  /** Takes in when the counter says that the last order was given. */
  hear(orderedAtMs: number | undefined): void;
  /**
   * Looks beside the calls, if it is time to.
   *
   * @param isReserving whether the counter is asked next, which tells of orders without a read; unless a pause stops that too
   * @returns what the next call has to wait for: before the first call, after a new order, and when nothing was heard for long
   * @throws whatever the reader throws, before the first call; later what was known stands
   */
  look(isReserving?: boolean): Promise<void> | undefined;
}

/** An order is obeyed within 10 s: what was heard longer ago than this must be looked at before a call… */
const LOOK_BEFORE_MS = 9_000;
/** …and beside it after this. */
const LOOK_BESIDE_MS = 5_000;
/** How long the counter's word is taken. */
const LOOK_ANYWAY_MS = 60_000;

export function createOrdersView(dependencies: {
  readonly reader: OrderReader;
  /** The budget's name. */
  readonly budget: string;
  readonly clock: BudgetClock;
  readonly telemetry: Telemetry;
  /** Called when a block was lifted: what is known of it is out of date. */
  readonly onLifted: () => void;
}): OrdersView {
  const { reader, budget, clock, telemetry, onLifted } = dependencies;
  const { monotonicNow = clock.localNow } = clock;
  let orders: BudgetOrders = {};
  let lookedMs = Number.NEGATIVE_INFINITY;
  let heardMs = Number.NEGATIVE_INFINITY;
  /** The last order that the counter has told of, and the last one that was looked at. */
  let orderedAtMs = 0;
  let knownAtMs = 0;
  let looking: Promise<void> | undefined;

  const read = async (): Promise<void> => {
    const isFirst = lookedMs === Number.NEGATIVE_INFINITY;
    const askedMs = monotonicNow();
    const heardOfMs = orderedAtMs;
    try {
      const before = orders;
      orders = await reader.read();
      knownAtMs = Math.max(knownAtMs, heardOfMs);
      if (!isFirst && (orders.liftedAtMs ?? 0) > (before.liftedAtMs ?? 0)) onLifted();
    } catch (error) {
      if (isFirst) throw error;
      telemetry.log('warn', "an operator's orders could not be read: the orders read last stay in force", {
        budget,
        reason: errorReason(error),
      });
    }
    lookedMs = askedMs;
    heardMs = Math.max(heardMs, askedMs);
  };

  return {
    active: () => activeOrders(orders, clock.now()),
    hear(atMs = 0) {
      heardMs = monotonicNow();
      orderedAtMs = Math.max(orderedAtMs, atMs);
    },
    look(isReserving = false) {
      const nowMs = monotonicNow();
      const unheardMs = isReserving && orders.pause === undefined ? 0 : nowMs - heardMs;
      const isFirst = lookedMs === Number.NEGATIVE_INFINITY;
      const isBefore = isFirst || orderedAtMs > knownAtMs || unheardMs > LOOK_BEFORE_MS;
      const isBeside = unheardMs > LOOK_BESIDE_MS || nowMs - lookedMs > LOOK_ANYWAY_MS;
      if (!isBefore && !isBeside) return undefined;
      looking ??= read().finally(() => {
        looking = undefined;
      });
      if (isBefore) return looking;
      // Beside the call: it cannot fail but before the first.
      looking.catch(() => {});
      return undefined;
    },
  };
}

/** For a budget without orders. */
export const NO_ORDERS: OrdersView = { active: () => ({}), hear: () => {}, look: () => undefined };
