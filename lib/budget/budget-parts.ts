import type { BudgetStream } from '../contract.ts';
import type { Clock } from '../platform/clock.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { LONGEST_REST_MS, PROBE_MS } from '../waf/breaker-state.ts';
import { type CircuitBreaker, createCircuitBreaker } from '../waf/circuit-breaker.ts';
import type { BudgetClock } from './budget-clock.ts';
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
  /** The corrected clock of `createBudgetClock`, or one that is known to be right. */
  readonly clock: Clock & Partial<BudgetClock>;
  readonly telemetry: Telemetry;
  /** In [0, 1). @default Math.random */
  readonly random?: () => number;
}

/** What the workers' budget and the minter's are made of. */
export interface Parts extends Required<BudgetDependencies> {
  readonly clock: BudgetClock;
}

/** @throws {ConfigError} if the settings' bound exceeds their limit, or they make no sense */
export function partsOf(dependencies: BudgetDependencies): Parts {
  const { settings, counter, clock, telemetry, random = Math.random } = dependencies;
  return {
    settings: checkBudgetSettings(settings),
    counter,
    clock: { localNow: clock.now, isSteady: () => true, ...clock },
    telemetry,
    random,
  };
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
  const { settings, clock, telemetry } = parts;
  const dimensions = { budget: settings.name, stream };
  const reservations = createReservations({ source, budget: settings.name, clock });
  return (options) => createTicketBook({ ...options, clock, reservations, breaker, telemetry, dimensions });
}
