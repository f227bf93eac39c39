import type { BudgetStream } from '../contract.ts';
import type { Clock } from '../platform/clock.ts';
import type { ServerClock } from '../platform/server-clock.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { LONGEST_REST_MS, PROBE_MS } from '../waf/breaker-state.ts';
import { createCircuitBreaker } from '../waf/circuit-breaker.ts';
import { type IsWafBlock, WAF_RULES } from '../waf/waf-block.ts';
import { checkBudgetSettings } from './check-settings.ts';
import { lineOf } from './lines.ts';
import { createReservations } from './reservations.ts';
import type { BudgetSettings } from './settings.ts';
import { createTicketBook, type TicketBook } from './ticket-book.ts';
import type { TicketCounter } from './ticket-counter.ts';

export type { Permit, TicketBook } from './ticket-book.ts';

/** One stream of the calls that leave through one egress address. One for the life of an environment. */
export interface CallBudget {
  /**
   * One book per invocation.
   *
   * @param options.calls how many HTTP attempts the invocation expects: tickets are reserved in blocks of
   *   up to ten, or more of a stream that is faster than the default
   * @param options.patienceMs how long a reservation that begins now may wait, such as the rest of the invocation; a span
   *   and not a moment, since the caller's clock is not the budget's
   */
  openBook(options: { calls?: number; patienceMs: () => number }): TicketBook;
  /** Tells the WAF's refusal from an answer, by the rule of the settings. */
  readonly isWafBlock: IsWafBlock;
}

export interface CallBudgetDependencies {
  readonly settings: BudgetSettings;
  readonly stream: BudgetStream;
  readonly counter: TicketCounter;
  /**
   * The corrected clock of `createBudgetClock`, or one that is known to be right. With a correction it also has the
   * local clock, by which callers wait and come back.
   */
  readonly clock: Clock & Partial<Pick<ServerClock, 'localNow'>>;
  readonly telemetry: Telemetry;
  /**
   * Whether the stream's circuit breaker learns what the WAF answers to these calls: not to the inspector's, whose caller
   * alone is told.
   * @default true
   */
  readonly tellsBreaker?: boolean;
  /** In [0, 1). @default Math.random */
  readonly random?: () => number;
}

/** @throws {ConfigError} if the settings' bound exceeds their limit, or they make no sense */
export function createCallBudget(dependencies: CallBudgetDependencies): CallBudget {
  const { stream, counter, clock, telemetry, random = Math.random } = dependencies;
  const { localNow = clock.now } = clock;
  const settings = checkBudgetSettings(dependencies.settings);
  const { name, windowMs, clockAllowanceMs } = settings;
  const { horizonMs } = settings[stream];
  const longestBlockMs = Math.max(LONGEST_REST_MS, horizonMs + PROBE_MS) + 2 * clockAllowanceMs;
  const breaker = createCircuitBreaker({
    store: counter,
    stream,
    budget: name,
    longestMs: longestBlockMs,
    clockAllowanceMs,
    // Soon enough after a block that was short, and not so soon that it is hammered.
    callRestMs: windowMs / 10,
    now: clock.now,
    telemetry,
    tellsOthers: dependencies.tellsBreaker ?? true,
    random,
  });
  const reservations = createReservations({
    settings,
    stream,
    counter,
    breaker,
    longestBlockMs,
    clock,
    localNow,
    telemetry,
    random,
  });
  const line = lineOf(settings[stream], horizonMs);

  return {
    isWafBlock: WAF_RULES[settings.wafRule],
    openBook: ({ calls = 1, patienceMs }) =>
      createTicketBook({
        clock,
        localNow,
        calls,
        line,
        patienceMs,
        reservations,
        breaker,
        telemetry,
        dimensions: { budget: name, stream },
      }),
  };
}
