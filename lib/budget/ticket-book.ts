import type { Clock, Now } from '../platform/clock.ts';
import { unlessAborted } from '../platform/unless-aborted.ts';
import { BudgetClosedError } from './errors.ts';
import { isValid, type Ticket } from './tickets.ts';

/** What an attempt is sent with: its ticket, for one request. */
export interface Permit {
  readonly ticket: Ticket;
  /** Whether a request may leave on it at this moment: looked at again at the wire, where time has passed since the check. */
  isValid(): boolean;
}

/** The tickets of one invocation. */
export interface TicketBook {
  /**
   * Waits for a ticket that is valid now, and calls `send` in the same turn as the check. One ticket is one HTTP attempt:
   * a retry is another `attempt`, and `send` must not follow redirects.
   *
   * @param send begins the attempt. If it returns undefined nothing was sent, and the ticket stays in the book
   * @param signal ends the wait with its reason
   * @returns what `send` returned
   * @throws {BudgetExhaustedError} no ticket becomes valid within the book's patience
   * @throws {BudgetBlockedError} the WAF refused a call, and the silence outlasts the book's patience
   * @throws {BudgetUnavailableError} the shared counter cannot be reached
   * @throws {BudgetClockUnreliableError} the clock cannot be corrected
   * @throws {BudgetClosedError} after {@link TicketBook.close}
   */
  attempt<T>(send: (permit: Permit) => T | undefined, signal?: AbortSignal): Promise<Awaited<T> | undefined>;
  /** The end of the invocation: tickets left are dropped, waiting attempts reject with `budget_closed`. */
  close(): void;
}

export interface TicketBookDependencies {
  readonly clock: Clock;
  /** The uncorrected clock: how long somebody waited is the same by both. */
  readonly localNow: Now;
  /** How many attempts are expected. */
  readonly calls: number;
  /** How many tickets are reserved at once, at most. */
  readonly maxBlock: number;
  /** Reserves up to `count` tickets, waiting as long as the book may; at least one, or it throws. */
  readonly reserve: (count: number, signal: AbortSignal) => Promise<readonly Ticket[]>;
  /** Whether the WAF refused a call of this environment a moment ago: then tickets in hand are worth nothing. */
  readonly isBlocked: (nowMs: number) => boolean;
  readonly onExpired: () => void;
  readonly onWaited: (ms: number) => void;
}

export function createTicketBook(dependencies: TicketBookDependencies): TicketBook {
  const { clock, maxBlock } = dependencies;
  const closing = new AbortController();
  /** Free tickets, earliest first. An attempt that waits holds its ticket itself. */
  const free: Ticket[] = [];
  /** Attempts still expected beyond those that hold a ticket. */
  let expected = dependencies.calls;
  /** Attempts that need a ticket which is not there yet. */
  let inNeed = 0;
  let flight: Promise<void> | undefined;

  /** One reservation at a time, for all attempts that are in need when it begins. */
  const refill = (): Promise<void> => {
    flight ??= (async () => {
      const count = Math.min(maxBlock, Math.max(1, inNeed, expected));
      for (const ticket of await dependencies.reserve(count, closing.signal)) add(ticket);
    })().finally(() => {
      flight = undefined;
    });
    return flight;
  };

  const add = (ticket: Ticket): void => {
    const before = free.findLastIndex(({ validFromMs }) => validFromMs <= ticket.validFromMs);
    free.splice(before + 1, 0, ticket);
  };

  const putBack = (ticket: Ticket): void => {
    expected += 1;
    add(ticket);
  };

  /** A ticket for the calling attempt alone. */
  const draw = async (endedSignal: () => AbortSignal): Promise<Ticket> => {
    inNeed += 1;
    try {
      for (;;) {
        const ticket = free.shift();
        if (ticket) {
          expected -= 1;
          return ticket;
        }
        await unlessAborted(refill(), endedSignal());
      }
    } finally {
      inNeed -= 1;
    }
  };

  return {
    async attempt<T>(
      send: (permit: Permit) => T | undefined,
      callerSignal?: AbortSignal,
    ): Promise<Awaited<T> | undefined> {
      const throwIfEnded = (): void => {
        closing.signal.throwIfAborted();
        callerSignal?.throwIfAborted();
      };
      /** For those who must wait. */
      const endedSignal = (): AbortSignal =>
        callerSignal ? AbortSignal.any([closing.signal, callerSignal]) : closing.signal;
      const startedMs = dependencies.localNow();
      let held: Ticket | undefined;
      try {
        for (;;) {
          throwIfEnded();
          held ??= await draw(endedSignal);
          // Whatever happened before this line, a freeze of hours too: from here to `send` nothing is awaited.
          throwIfEnded();
          const nowMs = clock.now();
          if (nowMs > held.expiresAtMs) {
            held = undefined;
            expected += 1;
            dependencies.onExpired();
          } else if (dependencies.isBlocked(nowMs)) {
            held = undefined;
            expected += 1;
            free.length = 0;
          } else if (!isValid(held, nowMs)) {
            await clock.sleep(held.validFromMs - nowMs, endedSignal());
          } else {
            const ticket = held;
            held = undefined;
            const sent = send({ ticket, isValid: () => isValid(ticket, clock.now()) });
            if (sent === undefined) {
              putBack(ticket);
              return undefined;
            }
            dependencies.onWaited(Math.max(dependencies.localNow() - startedMs, 0));
            return await sent;
          }
        }
      } finally {
        if (held) putBack(held);
      }
    },
    close() {
      closing.abort(new BudgetClosedError());
      free.length = 0;
    },
  };
}
