import { createMemoryTicketCounter } from '../../infra/testing/memory-ticket-counter.ts';
import { createBudgetClock } from '../../lib/budget/budget-clock.ts';
import { createCallBudget, type TicketBook } from '../../lib/budget/call-budget.ts';
import { createMintBudget } from '../../lib/budget/mint-budget.ts';
import type { BudgetSettings } from '../../lib/budget/settings.ts';
import type { TicketCounter } from '../../lib/budget/ticket-counter.ts';
import { boundOf } from '../../lib/budget/tickets.ts';
import type { BudgetStream } from '../../lib/contract.ts';
import { createServerClock } from '../../lib/platform/server-clock.ts';
import { silentTelemetry } from '../fixtures/telemetry.ts';
import type { VirtualTime } from '../fixtures/virtual-time/time.ts';
import type { Engine } from './engine.ts';
import type { Instance } from './instance.ts';
import type { Random } from './random.ts';

export type LimiterName = 'tickets' | 'fixed window' | 'sliding counters';

export interface World {
  readonly settings: BudgetSettings;
  readonly time: VirtualTime;
  readonly engine: Engine;
  readonly random: Random;
}

/** Opens the book of one invocation. */
export type OpenBook = (options: {
  readonly calls?: number;
  readonly patienceMs: () => number;
}) => TicketBook;

/** What a rate limiter looks like from an instance. */
export interface Limiter {
  /** The most calls in any window that can be proved, with all streams together. */
  readonly bound: number;
  /** @param followServer whether the instance's clock is corrected, by limiters that can */
  connect(instance: Instance, stream: BudgetStream, followServer: boolean): OpenBook;
}

/** A counter whose every request goes by way of `call`. */
export function connectCounter(
  counter: TicketCounter,
  call: <Reply>(operation: () => Promise<Reply>) => Promise<Reply>,
): TicketCounter {
  return {
    read: (...step) => call(() => counter.read(...step)),
    take: (...step) => call(() => counter.take(...step)),
    skip: (...step) => call(() => counter.skip(...step)),
    init: (...step) => call(() => counter.init(...step)),
    probe: (...step) => call(() => counter.probe(...step)),
    replaceBreaker: (...step) => call(() => counter.replaceBreaker(...step)),
  };
}

/** The code of `lib/budget` on the simulated engine. */
export function createTicketLimiter({ settings, time, engine, random }: World): Limiter {
  const counter = createMemoryTicketCounter();
  return {
    bound: boundOf(settings.worker, settings) + boundOf(settings.minter, settings),
    connect(instance, stream, followServer) {
      const server = createServerClock({ clock: instance.clock });
      const call = async <Reply>(operation: () => Promise<Reply>): Promise<Reply> => {
        const sentMs = instance.clock.now();
        let atMs = 0;
        const reply = await engine.call(instance, () => {
          atMs = time.now();
          return operation();
        });
        server.observe(Math.floor(atMs / 1000) * 1000, sentMs, instance.clock.now());
        return reply;
      };
      const remote = connectCounter(counter, call);
      const dependencies = {
        settings,
        counter: remote,
        clock: followServer ? createBudgetClock(server, settings) : instance.clock,
        telemetry: silentTelemetry,
        random: random.next,
      };
      if (stream === 'worker') return createCallBudget(dependencies).openBook;
      const { openBook } = createMintBudget(dependencies);
      return ({ patienceMs }) => openBook({ kind: 'renewal', patienceMs });
    },
  };
}
