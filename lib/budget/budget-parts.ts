import type { BudgetStream } from '../contract.ts';
import type { Clock, Now } from '../platform/clock.ts';
import type { ServerClock } from '../platform/server-clock.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { LONGEST_REST_MS, PROBE_MS } from '../waf/breaker-state.ts';
import { type CircuitBreaker, createCircuitBreaker } from '../waf/circuit-breaker.ts';
import { checkBudgetSettings } from './check-settings.ts';
import { type Line, longestLineMs } from './lines.ts';
import { createReservations } from './reservations.ts';
import type { BudgetSettings } from './settings.ts';
import { createStreamTickets, type TicketSource } from './stream-tickets.ts';
import { createTicketBook, type TicketBook } from './ticket-book.ts';
import type { TicketCounter } from './ticket-counter.ts';

export interface BudgetDependencies {
  readonly settings: BudgetSettings;
  readonly counter: TicketCounter;
  /**
   * The corrected clock of `createBudgetClock`, or one that is known to be right. With a correction it also has the
   * local clock, by which callers wait and come back.
   */
  readonly clock: Clock & Partial<Pick<ServerClock, 'localNow'>>;
  readonly telemetry: Telemetry;
  /** In [0, 1). @default Math.random */
  readonly random?: () => number;
}

/** What the workers' budget and the minter's are made of. */
export interface Parts extends Required<BudgetDependencies> {
  readonly localNow: Now;
}

/** @throws {ConfigError} if the settings' bound exceeds their limit, or they make no sense */
export function partsOf(dependencies: BudgetDependencies): Parts {
  const { settings, counter, clock, telemetry, random = Math.random } = dependencies;
  const { localNow = clock.now } = clock;
  return { settings: checkBudgetSettings(settings), counter, clock, telemetry, random, localNow };
}

/** How far ahead an honest block by the WAF may reach: to the end of the longest rest, or of a probe. */
function longestBlockMs(settings: BudgetSettings, stream: BudgetStream): number {
  const probeMs = longestLineMs(stream, settings) + PROBE_MS;
  return Math.max(LONGEST_REST_MS, probeMs) + 2 * settings.clockAllowanceMs;
}

export function breakerOf(parts: Parts, stream: BudgetStream, tellsOthers: boolean): CircuitBreaker {
  const { settings, counter, clock, telemetry, random } = parts;
  return createCircuitBreaker({
    store: counter,
    stream,
    budget: settings.name,
    longestMs: longestBlockMs(settings, stream),
    clockAllowanceMs: settings.clockAllowanceMs,
    // Soon enough after a block that was short, and not so soon that it is hammered.
    callRestMs: settings.windowMs / 10,
    now: clock.now,
    telemetry,
    tellsOthers,
    random,
  });
}

export function sourceOf(
  parts: Parts,
  of: { stream: BudgetStream; breaker: CircuitBreaker; mayProbe: boolean; spreadMs: number },
): TicketSource {
  return createStreamTickets({ ...parts, ...of, longestBlockMs: longestBlockMs(parts.settings, of.stream) });
}

/** Opens books for the calls of one stream. */
export function opener(
  parts: Parts,
  { stream, breaker, source }: { stream: BudgetStream; breaker: CircuitBreaker; source: TicketSource },
): (options: { line: Line; calls: number; patienceMs: () => number }) => TicketBook {
  const { settings, clock, localNow, telemetry } = parts;
  const dimensions = { budget: settings.name, stream };
  const reservations = createReservations({ source, budget: settings.name, clock, localNow });
  return (options) =>
    createTicketBook({ ...options, clock, localNow, reservations, breaker, telemetry, dimensions });
}
