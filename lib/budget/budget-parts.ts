import type { BudgetStream } from '../contract.ts';
import type { Clock } from '../platform/clock.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { LONGEST_REST_MS, PROBE_MS } from '../waf/breaker-state.ts';
import { type CircuitBreaker, createCircuitBreaker } from '../waf/circuit-breaker.ts';
import type { BudgetClock } from './budget-clock.ts';
import { checkBudgetSettings } from './check-settings.ts';
import { createCounterView } from './counter-view.ts';
import { type Line, longestLineMs } from './lines.ts';
import { createOrdersView, NO_ORDERS, type OrderReader, type OrdersView } from './orders-view.ts';
import { createReservations } from './reservations.ts';
import type { BudgetSettings } from './settings.ts';
import { createStreamTickets, type StreamTicketsDependencies, type TicketSource } from './stream-tickets.ts';
import { createPace, createTicketBook, type TicketBook, type TicketBookDependencies } from './ticket-book.ts';
import type { TicketCounter } from './ticket-counter.ts';

export interface BudgetDependencies {
  readonly settings: BudgetSettings;
  readonly counter: TicketCounter;
  /** @default - there are no orders */
  readonly orders?: OrderReader;
  /** The corrected clock of `createBudgetClock`, or one that is known to be right. */
  readonly clock: Clock & Partial<BudgetClock>;
  readonly telemetry: Telemetry;
  /** In [0, 1). @default Math.random */
  readonly random?: () => number;
}

/** What the workers' budget and the minter's are made of. */
export interface Parts extends Required<Omit<BudgetDependencies, 'orders'>> {
  readonly clock: BudgetClock;
  readonly orders: OrdersView;
  /** Calls `forget` when an operator has lifted a block. */
  readonly onLifted: (forget: () => void) => void;
}

/** @throws {ConfigError} if the settings' bound exceeds their limit, or they make no sense */
export function partsOf(dependencies: BudgetDependencies): Parts {
  const { counter, telemetry, random = Math.random } = dependencies;
  const settings = checkBudgetSettings(dependencies.settings);
  const clock: BudgetClock = {
    localNow: dependencies.clock.now,
    isSteady: () => true,
    ...dependencies.clock,
  };
  const forgets: (() => void)[] = [];
  const orders =
    dependencies.orders === undefined
      ? NO_ORDERS
      : createOrdersView({
          reader: dependencies.orders,
          budget: settings.name,
          clock,
          telemetry,
          onLifted() {
            for (const forget of forgets) forget();
          },
        });
  return {
    settings,
    counter,
    telemetry,
    random,
    clock,
    orders,
    onLifted: (forget) => forgets.push(forget),
  };
}

/** How far ahead a valid WAF block may reach: to the end of the longest pause, or of a probe. */
export function longestBlockMs(settings: BudgetSettings, stream: BudgetStream): number {
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
  of: Pick<StreamTicketsDependencies, 'stream' | 'breaker' | 'isPausedBy' | 'mayProbe'>,
): TicketSource {
  const view = createCounterView({ ...parts, ...of });
  parts.onLifted(view.forget);
  return createStreamTickets({
    ...parts,
    ...of,
    view,
    longestBlockMs: longestBlockMs(parts.settings, of.stream),
  });
}

/** Opens books for the calls of one stream. */
export function opener(
  parts: Parts,
  of: Pick<TicketBookDependencies, 'breaker' | 'isPausedBy'> & { stream: BudgetStream; source: TicketSource },
): (options: { line: Line; calls: number; patienceMs: () => number }) => TicketBook {
  const { settings, clock } = parts;
  const shared = {
    ...parts,
    ...of,
    ticketLifeMs: settings[of.stream].ticketLifeMs,
    reservations: createReservations({ source: of.source, budget: settings.name, clock }),
    pace: createPace(),
    dimensions: { budget: settings.name, stream: of.stream },
  };
  return (options) => createTicketBook({ ...shared, ...options });
}
