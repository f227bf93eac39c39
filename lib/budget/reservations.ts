import type { BudgetStream } from '../contract.ts';
import { isPlumeError, type PlumeError } from '../errors.ts';
import type { Clock, Now } from '../platform/clock.ts';
import { errorReason } from '../platform/error-reason.ts';
import { StoredMomentError } from '../platform/stored-moment.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { CircuitBreaker } from '../waf/circuit-breaker.ts';
import { BudgetBlockedError, BudgetExhaustedError, BudgetUnavailableError } from './errors.ts';
import { blockOf, ceilMs, type Line } from './lines.ts';
import type { Ask } from './next-step.ts';
import { createRefusals } from './refusals.ts';
import { type Reservation, reserve } from './reserve.ts';
import type { BudgetSettings } from './settings.ts';
import type { CounterReply, CounterState, TicketCounter } from './ticket-counter.ts';
import { safeStartMs, type Ticket } from './tickets.ts';

/** What one instance reserves of a stream, for all of its books. */
export interface Reservations {
  /**
   * Reserves a block of tickets, and waits for as long as the caller may, not longer.
   *
   * @returns at least one ticket
   * @throws {BudgetExhaustedError} no ticket becomes valid within the caller's patience
   * @throws {BudgetBlockedError} the WAF refuses calls, and the rest outlasts the caller's patience
   * @throws {BudgetUnavailableError} the shared counter cannot be reached
   * @throws {BudgetClockUnreliableError} the clock cannot be corrected
   */
  reserve(want: Want, signal: AbortSignal): Promise<readonly Ticket[]>;
}

export interface Want {
  readonly count: number;
  readonly line: Line;
  /** How long the caller waits, from now on. */
  readonly patienceMs: number;
}

export interface ReservationsDependencies {
  readonly settings: BudgetSettings;
  readonly stream: BudgetStream;
  readonly counter: TicketCounter;
  readonly breaker: CircuitBreaker;
  readonly longestBlockMs: number;
  /** The corrected clock. */
  readonly clock: Clock;
  /** The caller's clock: it waits and comes back by that one. */
  readonly localNow: Now;
  readonly telemetry: Telemetry;
  /** In [0, 1). */
  readonly random: () => number;
}

export function createReservations(dependencies: ReservationsDependencies): Reservations {
  const { settings, counter, breaker, longestBlockMs, clock, localNow, telemetry, random } = dependencies;
  const { name, windowMs } = settings;
  const stream = settings[dependencies.stream];
  const dimensions = { budget: name, stream: dependencies.stream };
  const refusals = createRefusals({ horizonMs: stream.horizonMs, longestMs: windowMs, random });
  let seen: { readonly state: CounterState; readonly atMs: number } | undefined;

  /** What is known is old after a freeze: then the counter is asked, which also brings the server's time. */
  const recent = (nowMs: number): CounterState | undefined =>
    seen && nowMs - seen.atMs < windowMs ? { ...seen.state, breaker: breaker.state } : undefined;

  const reach = async <Result>(request: () => Promise<Result>): Promise<Result> => {
    try {
      return await request();
    } catch (error) {
      if (isPlumeError(error)) throw error;
      throw new BudgetUnavailableError(
        error instanceof StoredMomentError
          ? `call budget ${name} cannot use its ${dependencies.stream} counter, so no call is made: ${error.message}; delete that item, and it begins anew`
          : `call budget ${name} cannot reach its counter in DynamoDB (${errorReason(error)}), so no call is made; try again later`,
        Math.ceil(localNow() + (stream.horizonMs * (1 + random())) / 2),
      );
    }
  };

  /** A clock that cannot be corrected is looked at once more: any response may bring a better correction. */
  const now = async (): Promise<number> => {
    try {
      return clock.now();
    } catch {
      await reach(() => counter.read(dependencies.stream));
      return clock.now();
    }
  };

  const request = (asked: () => Ask, nowMs: number): Promise<Reservation> => {
    const known = recent(nowMs);
    let take = breaker.observe();
    return reach(() =>
      reserve({
        counter,
        stream: dependencies.stream,
        ask: asked,
        seen: known,
        wasAhead: known !== undefined && seen !== undefined && (known.nextMs ?? 0) > seen.atMs,
        onReply({ state }: CounterReply) {
          seen = { state, atMs: clock.now() };
          take(state.breaker);
          take = breaker.observe();
        },
      }),
    );
  };

  /** The tickets, or why there are none now. */
  const tryOnce = async (want: Want, untilMs: Now): Promise<readonly Ticket[] | Refusal> => {
    const nowMs = await now();
    const rest = breaker.restsUntilMs(nowMs);
    if (rest?.isOpen) return { why: 'blocked', retryAtMs: breaker.returnAtMs(rest.untilMs) };
    const asked = (): Ask => {
      const askedMs = clock.now();
      return {
        stream,
        count: want.count,
        line: want.line,
        nowMs: askedMs,
        untilMs: untilMs(),
        safeStartMs: safeStartMs(askedMs, stream, settings),
        longestBlockMs,
      };
    };
    const reachMs = reachOf(asked());
    const standing = refusals.standing(nowMs, reachMs);
    if (standing !== undefined) return { why: 'exhausted', retryAtMs: standing };
    const result = await request(asked, nowMs);
    switch (result.kind) {
      case 'granted': {
        telemetry.metric('TicketsGranted', result.tickets.length, dimensions);
        // The answer may have corrected a clock that was ahead: then the tickets are of a time too far away.
        const lastMs = untilMs();
        const tickets = result.tickets.filter(({ validFromMs }) => validFromMs <= lastMs);
        if (tickets.length === 0) return tryOnce(want, untilMs);
        refusals.grant();
        return tickets;
      }
      case 'full': {
        const { nextMs } = result;
        // The first answer of all may have corrected the clock: the moment is of now, and the reach is a span.
        const retryAtMs = refusals.refuse({ nowMs: clock.now(), reachMs, nextMs });
        // The counter never decreases: once it is past this caller's patience, there is nothing to wait for.
        return { why: 'exhausted', retryAtMs, isInVain: nextMs > untilMs() };
      }
      case 'blocked':
        return { why: 'blocked', retryAtMs: breaker.returnAtMs(result.untilMs) };
    }
  };

  /** A moment of the corrected clock by the caller's. */
  const toLocal = (ms: number): number =>
    localNow === clock.now ? ms : Math.ceil(ms - clock.now() + localNow());

  const errorOf = ({ why, retryAtMs }: Refusal): PlumeError => {
    const localMs = toLocal(retryAtMs);
    const at = new Date(localMs).toISOString();
    return why === 'exhausted'
      ? new BudgetExhaustedError(
          `call budget ${name} has no ticket left for the ${dependencies.stream} stream in the time that this invocation can wait; try again at ${at}`,
          localMs,
        )
      : new BudgetBlockedError(
          `the WAF refuses the calls of this IP address, so all calls of budget ${name} rest; try again at ${at}`,
          localMs,
        );
  };

  return {
    async reserve(want, signal) {
      const untilLocalMs = localNow() + want.patienceMs;
      const untilMs = (): number => clock.now() + untilLocalMs - localNow();
      for (;;) {
        const result = await tryOnce(want, untilMs);
        if (!('why' in result)) return result;
        telemetry.metric('TicketsRefused', 1, dimensions);
        if (result.isInVain || result.retryAtMs > untilMs()) throw errorOf(result);
        await clock.sleep(Math.max(result.retryAtMs - clock.now(), 0), signal);
      }
    },
  };
}

/** How far ahead of now the counter may stand for a caller to be served. */
function reachOf(ask: Ask): number {
  const block = blockOf(ask.count, ask.line, ask);
  return ceilMs(block, ask.line, ask) - ask.nowMs;
}

/** Why there is no ticket now, and when to ask again by the corrected clock. */
interface Refusal {
  readonly why: 'exhausted' | 'blocked';
  readonly retryAtMs: number;
  /** Asking again cannot help this caller. */
  readonly isInVain?: boolean;
}
