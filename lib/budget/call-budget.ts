import type { BudgetStream } from '../contract.ts';
import { isPlumeError, type PlumeError } from '../errors.ts';
import type { Clock, Now } from '../platform/clock.ts';
import { errorReason } from '../platform/error-reason.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { checkBudgetSettings } from './check-settings.ts';
import { BudgetBlockedError, BudgetExhaustedError, BudgetUnavailableError } from './errors.ts';
import { createRefusals } from './refusals.ts';
import { type Reservation, reserve } from './reserve.ts';
import type { BudgetSettings } from './settings.ts';
import { createTicketBook, type TicketBook } from './ticket-book.ts';
import type { CounterState, TicketCounter } from './ticket-counter.ts';
import { maxBlock, type Ticket } from './tickets.ts';

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
  /**
   * The WAF refused a call: this environment stops at once, every other at its next reservation, on both streams.
   *
   * @returns the moment (Unix ms, by the local clock) from which calls resume by themselves
   */
  block(): Promise<number>;
}

export interface CallBudgetDependencies {
  readonly settings: BudgetSettings;
  readonly stream: BudgetStream;
  readonly counter: TicketCounter;
  /**
   * The corrected clock of `createBudgetClock`, or one that is known to be right. With a correction it also has the
   * local clock, by which callers wait and come back.
   */
  readonly clock: Clock & { readonly localNow?: Now };
  readonly telemetry: Telemetry;
  /** In [0, 1). @default Math.random */
  readonly random?: () => number;
}

/** @throws {ConfigError} if the settings' bound exceeds their limit, or they make no sense */
export function createCallBudget(dependencies: CallBudgetDependencies): CallBudget {
  const { stream, counter, clock, telemetry, random = Math.random } = dependencies;
  const { localNow = clock.now } = clock;
  const settings = checkBudgetSettings(dependencies.settings);
  const { name, windowMs, blockMs } = settings;
  const { horizonMs } = settings[stream];
  const dimensions = { budget: name, stream };
  const refusals = createRefusals({ settings, stream, random });
  let seen: { readonly nextMs: number; readonly atMs: number } | undefined;
  let blockedUntilMs = Number.NEGATIVE_INFINITY;

  /** What is known is old after a freeze: then the counter is read first, which also brings the server's time. */
  const recent = (nowMs: number): CounterState | undefined =>
    seen && nowMs - seen.atMs < windowMs ? { nextMs: seen.nextMs } : undefined;

  /** A moment of the corrected clock by the local one: the caller's. */
  const toLocal = (ms: number): number =>
    localNow === clock.now ? ms : Math.ceil(ms - clock.now() + localNow());

  const reach = async <Result>(ask: () => Promise<Result>): Promise<Result> => {
    try {
      return await ask();
    } catch (error) {
      if (isPlumeError(error)) throw error;
      throw new BudgetUnavailableError(
        `call budget ${name} cannot reach its counter in DynamoDB (${errorReason(error)}), so no call is made; try again later`,
        Math.ceil(localNow() + (horizonMs * (1 + random())) / 2),
      );
    }
  };

  /** A clock that cannot be corrected is looked at once more: any response may bring a better correction. */
  const now = async (): Promise<number> => {
    try {
      return clock.now();
    } catch {
      await reach(() => counter.read(stream));
      return clock.now();
    }
  };

  const ask = async (count: number, nowMs: number, untilMs: Now): Promise<Reservation> => {
    const known = recent(nowMs);
    const result = await reach(() =>
      reserve({
        counter,
        stream,
        settings,
        now: clock.now,
        count,
        untilMs,
        seen: known,
        wasAhead: known !== undefined && seen !== undefined && seen.nextMs > seen.atMs,
      }),
    );
    const { seen: state } = result;
    // A refusal by what was known already brings nothing new.
    if (state !== known && state.nextMs !== undefined) seen = { nextMs: state.nextMs, atMs: clock.now() };
    blockedUntilMs = Math.max(blockedUntilMs, state.blockedUntilMs ?? blockedUntilMs);
    return result;
  };

  /** The tickets, or why there are none now. */
  const tryOnce = async (count: number, untilMs: Now): Promise<readonly Ticket[] | Refusal> => {
    const nowMs = await now();
    if (blockedUntilMs > nowMs) return blocked();
    const patienceMs = untilMs() - nowMs;
    const standing = refusals.standing(nowMs, untilMs());
    if (standing !== undefined) return { why: 'exhausted', retryAtMs: standing };
    const result = await ask(count, nowMs, untilMs);
    switch (result.outcome) {
      case 'granted':
        refusals.grant();
        telemetry.metric('TicketsGranted', result.tickets.length, dimensions);
        return result.tickets;
      case 'full': {
        // The first answer of all may have corrected the clock: moments are of now, and patience is a span.
        const askedMs = clock.now();
        const refusal = { nowMs: askedMs, untilMs: askedMs + patienceMs, count, nextMs: result.nextMs };
        // The counter never decreases: once it is past this caller's patience, there is nothing to wait for.
        const isInVain = result.nextMs > untilMs();
        return { why: 'exhausted', retryAtMs: refusals.refuse(refusal), isInVain };
      }
      case 'blocked':
        return blocked();
    }
  };

  const blocked = (): Refusal => ({
    why: 'blocked',
    retryAtMs: blockedUntilMs + Math.ceil(random() * horizonMs),
  });

  const errorOf = ({ why, retryAtMs }: Refusal): PlumeError => {
    const localMs = toLocal(retryAtMs);
    if (why === 'exhausted') {
      return new BudgetExhaustedError(
        `call budget ${name} has no ticket left for the ${stream} stream in the time that this invocation can wait; try again at ${new Date(localMs).toISOString()}`,
        localMs,
      );
    }
    return new BudgetBlockedError(
      `the WAF refused a call, so all calls of budget ${name} rest until ${new Date(toLocal(blockedUntilMs)).toISOString()}`,
      localMs,
    );
  };

  /** Waits for as long as the invocation may, not longer. */
  const reserveWithin = async (
    count: number,
    patienceMs: number,
    signal: AbortSignal,
  ): Promise<readonly Ticket[]> => {
    const untilLocalMs = localNow() + patienceMs;
    const untilMs = (): number => clock.now() + untilLocalMs - localNow();
    for (;;) {
      const result = await tryOnce(count, untilMs);
      if (!('why' in result)) return result;
      telemetry.metric('TicketsRefused', 1, dimensions);
      if (result.isInVain || result.retryAtMs > untilMs()) throw errorOf(result);
      await clock.sleep(Math.max(result.retryAtMs - clock.now(), 0), signal);
    }
  };

  return {
    openBook: ({ calls = 1, patienceMs }) =>
      createTicketBook({
        clock,
        localNow,
        calls,
        maxBlock: maxBlock(settings[stream]),
        reserve: (count, signal) => reserveWithin(count, patienceMs(), signal),
        isBlocked: (nowMs) => blockedUntilMs > nowMs,
        onExpired: () => telemetry.metric('TicketsExpired', 1, dimensions),
        onWaited: (ms) => telemetry.metric('TicketWait', ms, dimensions),
      }),
    async block() {
      let toCaller = toLocal;
      const nowMs = await now().catch(() => {
        toCaller = (ms) => ms;
        return localNow();
      });
      // The calls of one moment are refused together; nothing is sent after that.
      if (blockedUntilMs > nowMs) return toCaller(blockedUntilMs);
      const untilMs = nowMs + blockMs;
      blockedUntilMs = untilMs;
      telemetry.metric('WafBlocked', 1, { budget: name });
      telemetry.log('error', 'the WAF refused a call: all calls of this budget stop', {
        budget: name,
        until: new Date(untilMs).toISOString(),
      });
      try {
        await Promise.all([counter.block('worker', untilMs), counter.block('minter', untilMs)]);
      } catch (error) {
        telemetry.log('error', 'the other instances could not be told to stop: the counter is out of reach', {
          budget: name,
          reason: errorReason(error),
        });
      }
      return toCaller(untilMs);
    },
  };
}

/** Why there is no ticket now, and when to ask again by the corrected clock. */
interface Refusal {
  readonly why: 'exhausted' | 'blocked';
  readonly retryAtMs: number;
  /** Asking again cannot help this caller. */
  readonly isInVain?: boolean;
}
