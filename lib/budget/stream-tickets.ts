import { type BudgetStream, TABLE } from '../contract.ts';
import { isPlumeError } from '../errors.ts';
import type { Now } from '../platform/clock.ts';
import { errorReason } from '../platform/error-reason.ts';
import { StoredMomentError } from '../platform/stored-moment.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { CircuitBreaker } from '../waf/circuit-breaker.ts';
import type { BudgetClock } from './budget-clock.ts';
import { BudgetClockUnreliableError, BudgetUnavailableError } from './errors.ts';
import { blockOf, ceilMs, type Line, latestPlausibleMs, longestLineMs } from './lines.ts';
import type { Ask } from './next-step.ts';
import { createRefusals } from './refusals.ts';
import { type Reservation, reserve } from './reserve.ts';
import type { BudgetSettings } from './settings.ts';
import type { CounterReply, CounterState, TicketCounter } from './ticket-counter.ts';
import { safeStartMs, type Ticket } from './tickets.ts';

/** What a caller wants of a stream. */
export interface Want {
  readonly count: number;
  readonly line: Line;
}

/** Why there is no ticket now, and when to ask again by the corrected clock. */
export interface Refusal {
  readonly why: 'exhausted' | 'blocked';
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
  /** How far ahead an honest block by the WAF may reach. */
  readonly longestBlockMs: number;
  /** Whether this instance's calls on the stream tell its breaker anything: only then can one of them be a probe. */
  readonly mayProbe: boolean;
  /** How long those who were refused come back, each at a moment of its own. */
  readonly spreadMs: number;
  readonly clock: BudgetClock;
  readonly telemetry: Telemetry;
  /** In [0, 1). */
  readonly random: () => number;
}

/** One instance's dealings with a stream's counter: what it knows of it, and what it asks. */
export function createStreamTickets(dependencies: StreamTicketsDependencies): TicketSource {
  const { settings, counter, breaker, longestBlockMs, mayProbe, clock, telemetry, random } = dependencies;
  const { name, windowMs } = settings;
  const streamName = dependencies.stream;
  const stream = settings[streamName];
  const dimensions = { budget: name, stream: streamName };
  const lineMs = longestLineMs(streamName, settings);
  const refusals = createRefusals({ spreadMs: dependencies.spreadMs, longestMs: windowMs, random });
  let seen: Seen | undefined;
  let reportedMs = Number.NEGATIVE_INFINITY;

  /**
   * What is known is old after a freeze, and worth nothing by a clock that may have been set: then taking is tried first, which
   * is safe by any clock, and brings the server's time.
   */
  const recent = (nowMs: number): CounterState | undefined =>
    seen && clock.isSteady() && nowMs - seen.atMs < windowMs
      ? { ...seen.state, breaker: breaker.state }
      : undefined;

  const reach = async <Result>(request: () => Promise<Result>): Promise<Result> => {
    try {
      return await request();
    } catch (error) {
      if (isPlumeError(error)) throw error;
      throw new BudgetUnavailableError(
        error instanceof StoredMomentError
          ? `call budget ${name} cannot use its ${streamName} counter, so no call is made: ${error.message}; delete that item, and it begins anew`
          : `call budget ${name} cannot reach its counter in DynamoDB (${errorReason(error)}), so no call is made; try again later`,
        Math.ceil(clock.localNow() + (stream.horizonMs * (1 + random())) / 2),
      );
    }
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

  /** Once a window: whoever wrote it, calls stand still until it is healed or its moment has come. */
  const reportIfImplausible = ({ state: { nextMs = 0 }, atMs }: Seen): void => {
    if (nextMs <= latestPlausibleMs(atMs, streamName, settings) || atMs < reportedMs + windowMs) return;
    reportedMs = atMs;
    telemetry.metric('CounterImplausible', 1, { budget: name });
    telemetry.log(
      'error',
      'a counter stands further ahead than any caller can have moved it, and gives no tickets until then: delete its item, and it begins anew past every ticket that may be in use',
      { ...dimensions, item: TABLE.budgetKey(name, streamName), until: new Date(nextMs).toISOString() },
    );
  };

  const request = (ask: () => Ask, nowMs: number): Promise<Reservation> => {
    const known = recent(nowMs);
    let learn = breaker.observe();
    return reach(() =>
      reserve({
        counter,
        stream: streamName,
        ask,
        seen: known,
        wasAhead: known !== undefined && seen !== undefined && (known.nextMs ?? 0) > seen.atMs,
        onReply({ state }: CounterReply) {
          seen = { state, atMs: clock.now() };
          reportIfImplausible(seen);
          learn(state.breaker);
          learn = breaker.observe();
        },
      }),
    );
  };

  const ask = async (want: Want, untilMs: Now): Promise<readonly Ticket[] | Refusal> => {
    const nowMs = await now();
    const rest = breaker.restsUntilMs(nowMs);
    if (rest?.isOpen) return refused('blocked', breaker.returnAtMs(rest.untilMs));
    const asked = (): Ask => {
      const askedMs = clock.now();
      return {
        ...want,
        stream,
        nowMs: askedMs,
        untilMs: untilMs(),
        safeStartMs: safeStartMs(askedMs, lineMs, settings),
        longestBlockMs,
        mayProbe: mayProbe && want.line.isEvidence !== false,
      };
    };
    const reachMs = reachOf(asked());
    const standing = clock.isSteady() ? refusals.standing(nowMs, reachMs) : undefined;
    if (standing !== undefined) return refused('exhausted', standing);
    const result = await request(asked, nowMs);
    switch (result.kind) {
      case 'granted': {
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
        // The first answer of all may have corrected the clock: the moment is of now, and the reach is a span.
        const retryAtMs = refusals.refuse({ nowMs: clock.now(), reachMs, nextMs });
        // The counter never decreases: once it is past this caller's patience, there is nothing to wait for.
        return { ...refused('exhausted', retryAtMs), isInVain: nextMs > untilMs() };
      }
      case 'blocked':
        return refused('blocked', breaker.returnAtMs(result.untilMs));
    }
  };

  const refused = (why: Refusal['why'], retryAtMs: number): Refusal => {
    telemetry.metric('TicketsRefused', 1, dimensions);
    return { why, stream: streamName, retryAtMs };
  };

  const look = async (): Promise<void> => {
    await reach(() => counter.read(streamName));
    if (clock.isSteady()) return;
    throw new BudgetClockUnreliableError(
      `this machine's clock was set or stood still, and DynamoDB's responses tell call budget ${name} no time; look for what removes their Date header`,
      clock.localNow() + stream.horizonMs,
    );
  };

  return { ask, look };
}

/** A reply, and when it came. */
interface Seen {
  readonly state: CounterState;
  readonly atMs: number;
}

/** How far ahead of now the counter may stand for a caller to be served. */
function reachOf(ask: Ask): number {
  const block = blockOf(ask.count, ask.line, ask);
  return ceilMs(block, ask.line, ask) - ask.nowMs;
}
