import type { Clock } from '../clock.ts';
import type { BudgetSettings, BudgetStream } from '../contract.ts';
import { errorReason } from '../error-reason.ts';
import { isPlumeError } from '../errors.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { BudgetBlocked, BudgetExhausted, BudgetUnavailable } from './errors.ts';
import { createRefusals } from './refusals.ts';
import { type Reservation, reserve } from './reserve.ts';
import { checkBudgetSettings } from './settings.ts';
import { createTicketBook, type TicketBook } from './ticket-book.ts';
import type { CounterState, TicketCounter } from './ticket-counter.ts';
import type { Ticket } from './tickets.ts';

export type { TicketBook } from './ticket-book.ts';

/** One stream of the calls that leave through one egress address. One for the life of an environment. */
export interface CallBudget {
  /**
   * One book per invocation.
   *
   * @param options.calls how many HTTP attempts the invocation expects: tickets are reserved in blocks of up to ten
   * @param options.patienceMs how long a reservation that begins now may wait, such as the rest of the invocation; a span
   *   and not a moment, since the caller's clock is not the budget's
   */
  openBook(options: { calls?: number; patienceMs: () => number }): TicketBook;
  /**
   * The WAF refused a call: this environment stops at once, every other at its next reservation, on both streams.
   *
   * @returns the moment (Unix ms) from which calls resume by themselves
   */
  block(): Promise<number>;
}

export interface CallBudgetDependencies {
  readonly settings: BudgetSettings;
  readonly stream: BudgetStream;
  readonly counter: TicketCounter;
  /** The corrected clock of `createServerClock`, or one that is known to be right. */
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** In [0, 1). @default Math.random */
  readonly random?: () => number;
}

/** @throws {ConfigError} if the settings' bound exceeds their limit, or they make no sense */
export function createCallBudget(dependencies: CallBudgetDependencies): CallBudget {
  const { stream, counter, clock, telemetry, random = Math.random } = dependencies;
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

  const ask = async (count: number, untilMs: number): Promise<Reservation> => {
    const nowMs = clock.now();
    try {
      const known = recent(nowMs);
      const result = await reserve({
        counter,
        stream,
        settings,
        now: clock.now,
        count,
        untilMs,
        seen: known,
        wasAhead: known !== undefined && seen !== undefined && seen.nextMs > seen.atMs,
      });
      const { seen: state } = result;
      // A refusal by what was known already brings nothing new.
      if (state !== known && state.nextMs !== undefined) seen = { nextMs: state.nextMs, atMs: clock.now() };
      blockedUntilMs = Math.max(blockedUntilMs, state.blockedUntilMs ?? blockedUntilMs);
      return result;
    } catch (error) {
      if (isPlumeError(error)) throw error;
      throw new BudgetUnavailable(
        `call budget ${name} cannot reach its counter in DynamoDB (${errorReason(error)}), so no call is made; try again later`,
        Math.ceil(nowMs + (horizonMs * (1 + random())) / 2),
      );
    }
  };

  /** The tickets, or why there are none now. */
  const tryOnce = async (
    count: number,
    untilMs: number,
  ): Promise<readonly Ticket[] | BudgetExhausted | BudgetBlocked> => {
    const nowMs = clock.now();
    if (blockedUntilMs > nowMs) return blocked();
    const standing = refusals.standing(nowMs, untilMs);
    if (standing !== undefined) return exhausted(standing);
    const result = await ask(count, untilMs);
    switch (result.outcome) {
      case 'granted':
        refusals.grant();
        telemetry.metric('TicketsGranted', result.tickets.length, dimensions);
        return result.tickets;
      case 'full':
        return exhausted(refusals.refuse({ nowMs, untilMs, count, nextMs: result.nextMs }));
      case 'blocked':
        return blocked();
    }
  };

  const exhausted = (retryAtMs: number) =>
    new BudgetExhausted(
      `call budget ${name} has no ticket left for the ${stream} stream in the time that this invocation can wait; try again at ${new Date(retryAtMs).toISOString()}`,
      retryAtMs,
    );

  const blocked = () =>
    new BudgetBlocked(
      `the WAF refused a call, so all calls of budget ${name} rest until ${new Date(blockedUntilMs).toISOString()}`,
      blockedUntilMs + Math.ceil(random() * horizonMs),
    );

  /** Waits for as long as the invocation may, not longer. */
  const reserveWithin = async (
    count: number,
    untilMs: number,
    signal: AbortSignal,
  ): Promise<readonly Ticket[]> => {
    for (;;) {
      const result = await tryOnce(count, untilMs);
      if (!isPlumeError(result)) return result;
      telemetry.metric('TicketsRefused', 1, dimensions);
      const { retryAtMs = Number.POSITIVE_INFINITY } = result;
      if (retryAtMs > untilMs) throw result;
      await clock.sleep(Math.max(retryAtMs - clock.now(), 0), signal);
    }
  };

  return {
    openBook: ({ calls = 1, patienceMs }) =>
      createTicketBook({
        clock,
        calls,
        reserve: (count, signal) => reserveWithin(count, clock.now() + patienceMs(), signal),
        isBlocked: (nowMs) => blockedUntilMs > nowMs,
        onVoid: () => telemetry.metric('TicketsVoided', 1, dimensions),
        onWaited: (ms) => telemetry.metric('TicketWait', ms, dimensions),
      }),
    async block() {
      const nowMs = clock.now();
      // The calls of one moment are refused together; nothing is sent after that.
      if (blockedUntilMs > nowMs) return blockedUntilMs;
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
      return untilMs;
    },
  };
}
