import type { BudgetStream } from '../contract.ts';
import { isPlumeError } from '../errors.ts';
import type { Now } from '../platform/clock.ts';
import { errorReason } from '../platform/error-reason.ts';
import { StoredMomentError } from '../platform/stored-moment.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { CircuitBreaker } from '../waf/circuit-breaker.ts';
import type { BudgetClock } from './budget-clock.ts';
import type { CounterView } from './counter-view.ts';
import { BudgetClockUnreliableError, BudgetUnavailableError } from './errors.ts';
import { blockOf, ceilMs, type Line, longestLineMs, slowedLine } from './lines.ts';
import type { Conflict } from './mixture.ts';
import { settingsName } from './mixture.ts';
import type { Ask } from './next-step.ts';
import { type PauseOrder, pauseEndMs, slowed } from './orders.ts';
import type { OrdersView } from './orders-view.ts';
import { createRefusals } from './refusals.ts';
import { reserve } from './reserve.ts';
import type { BudgetSettings } from './settings.ts';
import type { TicketCounter } from './ticket-counter.ts';
import { safeStartMs, type Ticket } from './tickets.ts';

/** What a caller wants of a stream. */
export interface Want {
  readonly count: number;
  readonly line: Line;
}

/** Why there is no ticket now, and when to ask again by the corrected clock. */
export interface Refusal {
  readonly why: 'exhausted' | 'blocked' | 'paused' | 'conflict';
  readonly stream: BudgetStream;
  readonly retryAtMs: number;
  /** Asking again cannot help this caller. */
  readonly isInVain?: boolean;
}

/** Where tickets come from: a stream, as one instance knows it. */
export interface TicketSource {
  /**
   * Asks once, or not at all if what is known already says no.
   *
   * @param untilMs the last moment at which the caller would still use a ticket, by the corrected clock as it is when asked
   * @returns at least one ticket, or why there is none now
   * @throws {BudgetUnavailableError} the shared counter cannot be reached
   * @throws {BudgetClockUnreliableError} the clock cannot be corrected
   */
  ask(want: Want, untilMs: Now): Promise<readonly Ticket[] | Refusal>;
  /** Asks for DynamoDB's time. @throws {BudgetUnavailableError} */
  look(): Promise<void>;
}

export interface StreamTicketsDependencies {
  readonly settings: BudgetSettings;
  readonly stream: BudgetStream;
  readonly counter: TicketCounter;
  /** Of the stream. */
  readonly breaker: CircuitBreaker;
  readonly view: CounterView;
  readonly orders: OrdersView;
  /** Whether a pause stops these calls. */
  readonly isPausedBy: (pause: PauseOrder) => boolean;
  /** How far ahead an honest block by the WAF may reach. */
  readonly longestBlockMs: number;
  /** Whether this instance's calls on the stream tell its breaker anything: only then can one of them be a probe. */
  readonly mayProbe: boolean;
  readonly clock: BudgetClock;
  readonly telemetry: Telemetry;
  /** In [0, 1). */
  readonly random: () => number;
}

/** One instance's dealings with a stream's counter. */
export function createStreamTickets(dependencies: StreamTicketsDependencies): TicketSource {
  const { settings, counter, breaker, view, orders, isPausedBy, longestBlockMs, mayProbe } = dependencies;
  const { clock, telemetry, random } = dependencies;
  const name = dependencies.stream;
  const dimensions = { budget: settings.name, stream: name };
  const refusals = createRefusals({ longestMs: settings.windowMs, random });
  const reportConflict = createConflictReport(settings, name, telemetry);
  const reach = <Result>(request: () => Promise<Result>): Promise<Result> =>
    reachCounter(request, dependencies);

  const look = async (): Promise<void> => {
    await reach(() => counter.read(name));
    if (clock.isSteady()) return;
    throw new BudgetClockUnreliableError(
      `this machine's clock was set or stood still, and call budget ${settings.name} cannot correct it, because DynamoDB's responses have no Date header; find what removes the header`,
      clock.localNow() + settings[name].horizonMs,
    );
  };

  /** A clock that cannot be corrected is looked at once more: any response may bring a better correction. */
  const now = async (): Promise<number> => {
    try {
      return clock.now();
    } catch {
      await look();
      return clock.now();
    }
  };

  const askOf = ({ count, line }: Want, untilMs: Now): Ask => {
    const nowMs = clock.now();
    const stream = slowed(settings[name], name, orders.active());
    return {
      name,
      stream,
      settings,
      count,
      line: slowedLine(line, settings[name], stream),
      nowMs,
      untilMs: untilMs(),
      safeStartMs: safeStartMs(nowMs, longestLineMs(name, settings), settings),
      longestBlockMs,
      mayProbe,
    };
  };

  const refused = (why: Refusal['why'], retryAtMs: number): Refusal => {
    telemetry.metric('TicketsRefused', 1, dimensions);
    return { why, stream: name, retryAtMs };
  };

  /** What is known already says no. */
  const refusedAtOnce = (want: Want, untilMs: Now, nowMs: number): Refusal | undefined => {
    const { pause } = orders.active();
    if (pause !== undefined && isPausedBy(pause))
      return refused('paused', pauseEndMs(pause, nowMs, random()));
    const rest = breaker.restsUntilMs(nowMs);
    if (rest?.isOpen) return refused('blocked', breaker.returnAtMs(rest.untilMs));
    const standing = clock.isSteady()
      ? refusals.standing(nowMs, reachOf(askOf(want, untilMs)), want.line)
      : undefined;
    return standing === undefined ? undefined : refused('exhausted', standing);
  };

  const ask = async (want: Want, untilMs: Now): Promise<readonly Ticket[] | Refusal> => {
    // While the breaker is closed the counter is asked next, unless it is known to be full, and tells of orders.
    await reach(async () => orders.look(breaker.state.blockedUntilMs === undefined));
    const nowMs = await now();
    const atOnce = refusedAtOnce(want, untilMs, nowMs);
    if (atOnce !== undefined) return atOnce;
    const see = view.follow();
    const result = await reach(() =>
      reserve({
        counter,
        ask: () => askOf(want, untilMs),
        seen: view.recent(nowMs),
        isBusy: view.isBusy,
        onReply({ state }) {
          see(state);
          orders.hear(state.orderedAtMs);
        },
      }),
    );
    switch (result.kind) {
      case 'granted': {
        view.granted(result.by);
        telemetry.metric('TicketsGranted', result.tickets.length, dimensions);
        // The answer may have corrected a clock that was ahead: then the tickets are of a time too far away.
        const lastMs = untilMs();
        const tickets = result.tickets.filter(({ validFromMs }) => validFromMs <= lastMs);
        if (tickets.length === 0) return ask(want, untilMs);
        refusals.grant();
        return tickets;
      }
      case 'full': {
        const { nextMs } = result;
        // The first answer may have corrected the clock, so moments are computed with the clock as it is now.
        const { nowMs: askedMs, ...asked } = askOf(want, untilMs);
        const reachMs = reachOf({ ...asked, nowMs: askedMs });
        const retryAtMs = refusals.refuse({ nowMs: askedMs, reachMs, nextMs, line: want.line });
        // The counter never decreases: once it is past this caller's patience, there is nothing to wait for.
        return { ...refused('exhausted', retryAtMs), isInVain: nextMs > asked.untilMs };
      }
      case 'blocked':
        return refused('blocked', breaker.returnAtMs(result.untilMs));
      case 'conflict':
        reportConflict(result);
        return refused('conflict', result.untilMs + Math.ceil(random() * want.line.spreadMs));
    }
  };

  return { ask, look };
}

/** How far ahead of now the counter may stand for a caller to be served. */
function reachOf(ask: Ask): number {
  const block = blockOf(ask.count, ask.line, ask);
  return ceilMs(block, ask.line, ask) - ask.nowMs;
}

/** Translates the engine's errors. */
export async function reachCounter<Result>(
  request: () => Promise<Result>,
  {
    settings,
    stream,
    clock,
    random,
  }: Pick<StreamTicketsDependencies, 'settings' | 'stream' | 'clock' | 'random'>,
): Promise<Result> {
  try {
    return await request();
  } catch (error) {
    if (isPlumeError(error)) throw error;
    const { name } = settings;
    throw new BudgetUnavailableError(
      error instanceof StoredMomentError
        ? `call budget ${name} cannot use its ${stream} counter, so no call is made: ${error.message}; delete that item, and it is created anew`
        : `call budget ${name} cannot reach its counter in DynamoDB (${errorReason(error)}), so no call is made; try again later`,
      Math.ceil(clock.localNow() + (settings[stream].horizonMs * (1 + random())) / 2),
    );
  }
}

/** One line for each set of settings that stands in the way, not one for each call. */
function createConflictReport(
  settings: BudgetSettings,
  stream: BudgetStream,
  telemetry: Telemetry,
): (conflict: Conflict) => void {
  let reported = '';
  return ({ others, untilMs }) => {
    const names = others.join(' ');
    if (names === reported) return;
    reported = names;
    telemetry.log(
      'error',
      "functions with other settings use the same budget, and both together could exceed the limit: this function's calls wait until one window after the last call of the others",
      {
        budget: settings.name,
        stream,
        own: settingsName(settings),
        others: names,
        until: new Date(untilMs).toISOString(),
      },
    );
  };
}
