import type { PlumeError } from '../errors.ts';
import type { BudgetClock } from './budget-clock.ts';
import {
  BudgetBlockedError,
  BudgetExhaustedError,
  BudgetPausedError,
  BudgetSettingsConflictError,
} from './errors.ts';
import type { Refusal, TicketSource, Want } from './stream-tickets.ts';
import type { Ticket } from './tickets.ts';

/** What one instance reserves, for all of its books. */
export interface Reservations {
  /**
   * Reserves a block of tickets, and waits for as long as the caller may, not longer.
   *
   * @param patienceMs how long the caller waits, from now on
   * @returns at least one ticket
   * @throws {BudgetExhaustedError} no ticket becomes valid within the caller's patience
   * @throws {BudgetBlockedError} the WAF refuses calls for longer than the caller's patience
   * @throws {BudgetPausedError} an operator has paused the budget, for longer than the caller's patience
   * @throws {BudgetSettingsConflictError} other settings are in use that exceed the limit together with these
   * @throws {BudgetUnavailableError} the shared counter cannot be reached
   * @throws {BudgetClockUnreliableError} the clock cannot be corrected
   */
  reserve(want: Want, patienceMs: number, signal: AbortSignal): Promise<readonly Ticket[]>;
  /** Asks for DynamoDB's time. @throws {BudgetUnavailableError} */
  look(): Promise<void>;
}

export function createReservations(dependencies: {
  readonly source: TicketSource;
  /** The budget's name. */
  readonly budget: string;
  readonly clock: BudgetClock;
}): Reservations {
  const { source, budget, clock } = dependencies;
  const { localNow, monotonicNow = localNow } = clock;

  /** A moment of the corrected clock by the caller's. */
  const toLocal = (ms: number): number =>
    localNow === clock.now ? ms : Math.ceil(ms - clock.now() + localNow());

  const errorOf = ({ why, stream, retryAtMs }: Refusal): PlumeError => {
    const localMs = toLocal(retryAtMs);
    const again = `try again at ${new Date(localMs).toISOString()}`;
    switch (why) {
      case 'exhausted':
        return new BudgetExhaustedError(
          `call budget ${budget} has no ticket left for the ${stream} stream in the time that this invocation can wait; ${again}`,
          localMs,
        );
      case 'blocked':
        return new BudgetBlockedError(
          `the WAF refuses every call of this IP address, so the ${stream} stream of call budget ${budget} makes no calls; ${again}`,
          localMs,
        );
      case 'paused':
        return new BudgetPausedError(`an operator has paused call budget ${budget}; ${again}`, localMs);
      case 'conflict':
        return new BudgetSettingsConflictError(
          `functions with other settings use call budget ${budget}, and both together could exceed the limit; ${again}, one window after the last call of the others`,
          localMs,
        );
    }
  };

  return {
    look: () => source.look(),
    async reserve(want, patienceMs, signal) {
      // By the monotonic clock: the caller's patience is a duration.
      const endsMs = monotonicNow() + patienceMs;
      const untilMs = (): number => Math.floor(clock.now() + endsMs - monotonicNow());
      for (;;) {
        const result = await source.ask(want, untilMs);
        if (!('why' in result)) return result;
        if (result.isInVain || result.retryAtMs > untilMs()) throw errorOf(result);
        await clock.sleep(Math.max(result.retryAtMs - clock.now(), 0), signal);
      }
    },
  };
}
