import type { BudgetStatus } from '../../lib/budget/budget-status.ts';
import { activeOrders, type BudgetOrders } from '../../lib/budget/orders.ts';
import type { BudgetStream } from '../../lib/contract.ts';
import { ConfigError } from '../../lib/errors.ts';
import type { Now } from '../../lib/platform/clock.ts';
import type { Telemetry } from '../../lib/telemetry/telemetry.ts';
import type { AskMinter } from '../../lib/token/ask-minter.ts';
import type { MintOutcome } from '../../lib/token/mint-outcome.ts';
import type { MintRequests } from '../../lib/token/mint-requests.ts';
import type { OperatorClients } from './clients.ts';
import type { Order } from './order.ts';

/** The counters of a budget, as an operator may read and change them. */
export interface OperatorCounters {
  /** Of both streams, with the orders that hold. */
  status(budget: string, nowMs: number): Promise<BudgetStatus>;
  /** Makes an open breaker half-open: the next reservation is the probe. @returns false if it is not open */
  halfOpen(budget: string, stream: BudgetStream, nowMs: number): Promise<boolean>;
  /** Deletes a counter whose `nextMs` is implausible. @returns false if it is plausible or absent */
  heal(budget: string, stream: BudgetStream, nowMs: number): Promise<boolean>;
}

/** The item of a budget's orders. */
export interface OrderStore {
  read(budget: string): Promise<BudgetOrders>;
  write(
    budget: string,
    orders: Required<Pick<BudgetOrders, 'pause'>> | Required<Pick<BudgetOrders, 'slow'>>,
  ): Promise<void>;
  /** Ends pause and slow. */
  end(budget: string): Promise<void>;
  lifted(budget: string, nowMs: number): Promise<void>;
}

export interface OperatorDependencies {
  readonly orders: OrderStore;
  readonly counters: OperatorCounters;
  readonly clients: OperatorClients;
  readonly requests: MintRequests;
  readonly askMinter: AskMinter;
  readonly now: Now;
  readonly telemetry: Telemetry;
}

const STREAMS: readonly BudgetStream[] = ['worker', 'minter'];

/**
 * Carries out one order. Each is written to the log with its reason and who gave it, before it is carried out.
 *
 * @returns what was done, as JSON for people and scripts
 * @throws {ConfigError} the order cannot be carried out
 */
export async function operate(order: Order, dependencies: OperatorDependencies): Promise<unknown> {
  const { orders, counters, telemetry, now } = dependencies;
  const { verb, by, reason, ...details } = order;
  if (verb !== 'status') telemetry.log('warn', 'an operator gave an order', { verb, ...details, reason, by });
  const nowMs = now();

  switch (order.verb) {
    case 'pause': {
      const { budget, durationMs, minter } = order;
      await orders.write(budget, {
        pause: { untilMs: nowMs + durationMs, orderedAtMs: nowMs, reason, by, minter },
      });
      return { budget, pausedUntil: iso(nowMs + durationMs), minter };
    }
    case 'slow': {
      const { budget, durationMs, share } = order;
      await orders.write(budget, {
        slow: { untilMs: nowMs + durationMs, orderedAtMs: nowMs, reason, by, share },
      });
      return { budget, share, slowedUntil: iso(nowMs + durationMs) };
    }
    case 'resume': {
      const { pause, slow } = activeOrders(await orders.read(order.budget), nowMs);
      await orders.end(order.budget);
      return { budget: order.budget, ended: [...(pause ? ['pause'] : []), ...(slow ? ['slow'] : [])] };
    }
    case 'lift': {
      const lifted = await streamsWhere((stream) => counters.halfOpen(order.budget, stream, nowMs));
      // Warm instances still remember the block: this tells them to look again.
      await orders.lifted(order.budget, nowMs);
      return { budget: order.budget, halfOpen: lifted };
    }
    case 'heal': {
      const healed = await streamsWhere((stream) => counters.heal(order.budget, stream, nowMs));
      if (healed.length > 0) return { budget: order.budget, healed };
      throw new ConfigError(
        `the budget ${order.budget} was not healed: the counters of both its streams are plausible or absent, so there is nothing to heal`,
      );
    }
    case 'mint':
      return { client: order.client, ...(await mint(order.client, dependencies)) };
    case 'forget':
      await dependencies.clients.forget(order.client);
      return { client: order.client, forgotten: true };
    case 'status':
      return { budgets: await Promise.all(order.budgets.map((budget) => counters.status(budget, nowMs))) };
  }
}

/** The minter knows no other door than the request's item: the operator asks as a worker does whose token was rejected. */
async function mint(
  client: string,
  { clients, requests, askMinter, now }: OperatorDependencies,
): Promise<MintOutcome> {
  const replaced = await clients.fingerprint(client);
  await requests.claim(client, replaced, now());
  return askMinter(client, replaced);
}

async function streamsWhere(
  change: (stream: BudgetStream) => Promise<boolean>,
): Promise<readonly BudgetStream[]> {
  const changed = await Promise.all(STREAMS.map(change));
  return STREAMS.filter((_, index) => changed[index]);
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
