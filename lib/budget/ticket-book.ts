import type { BudgetStream } from '../contract.ts';
import { unlessAborted } from '../platform/unless-aborted.ts';
import { errorFields } from '../telemetry/error-fields.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { AnswerRule } from '../waf/answer-rule.ts';
import type { CircuitBreaker } from '../waf/circuit-breaker.ts';
import type { BudgetClock } from './budget-clock.ts';
import { BudgetClosedError } from './errors.ts';
import type { Line } from './lines.ts';
import type { PauseOrder } from './orders.ts';
import type { OrdersView } from './orders-view.ts';
import type { Reservations } from './reservations.ts';
import { isValid, type Ticket } from './tickets.ts';

/** What an attempt is sent with: its ticket, for one request. */
export interface Permit {
  readonly ticket: Ticket;
  /** Whether a request may leave on it at this moment: looked at again at the wire, where time has passed since the check. */
  isValid(): boolean;
}

export interface AttemptOptions<Answer> {
  /** Ends the wait with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** The circuit breaker judges every answer by this rule. @default - answers say nothing about the WAF */
  readonly waf?: AnswerRule<Answer> | undefined;
}

/** The tickets of one invocation. */
export interface TicketBook {
  /**
   * Waits for a ticket that is valid now, and calls `send` in the same turn as the check. One ticket is one HTTP attempt:
   * a retry is another `attempt`, and `send` must not follow redirects.
   *
   * @param send begins the attempt. If it returns undefined nothing was sent, and the ticket stays in the book
   * @returns what `send` returned
   * @throws {BudgetExhaustedError} no ticket becomes valid within the book's patience
   * @throws {BudgetBlockedError} the WAF refuses calls for longer than the book's patience
   * @throws {BudgetPausedError} an operator has paused the budget, for longer than the book's patience
   * @throws {BudgetSettingsConflictError} other settings are in use that exceed the limit together with these
   * @throws {BudgetUnavailableError} the shared counter cannot be reached
   * @throws {BudgetClockUnreliableError} the clock cannot be corrected
   * @throws {BudgetClosedError} after {@link TicketBook.close}
   * @throws what `waf.toError` returns for a refusal
   */
  attempt<Answer>(
    send: (permit: Permit) => Answer | Promise<Answer> | undefined,
    options?: AttemptOptions<Answer>,
  ): Promise<Answer | undefined>;
  /** The end of the invocation: tickets left are dropped, waiting attempts reject with `budget_closed`. */
  close(): void;
}

export interface TicketBookDependencies {
  readonly clock: BudgetClock;
  /** How many attempts are expected. */
  readonly calls: number;
  readonly line: Line;
  readonly patienceMs: () => number;
  /** How late a ticket may be used. */
  readonly ticketLifeMs: number;
  readonly reservations: Reservations;
  /** How long a call takes, as all books of the environment have seen. */
  readonly pace: Pace;
  readonly breaker: CircuitBreaker;
  readonly orders: OrdersView;
  /** Whether a pause stops these calls. */
  readonly isPausedBy: (pause: PauseOrder) => boolean;
  readonly telemetry: Telemetry;
  readonly dimensions: { readonly budget: string; readonly stream: BudgetStream };
}

/** How long calls take: a block is no larger than what a caller can use of it before it expires. */
export interface Pace {
  /** The average of the last calls; 0 before the first. */
  readonly callMs: number;
  note(callMs: number): void;
}

/** How much one call weighs. */
const PACE_WEIGHT = 0.2;

export function createPace(): Pace {
  let callMs: number | undefined;
  return {
    get callMs() {
      return callMs ?? 0;
    },
    note(ms) {
      callMs = callMs === undefined ? ms : callMs + (ms - callMs) * PACE_WEIGHT;
    },
  };
}

export function createTicketBook(dependencies: TicketBookDependencies): TicketBook {
  const { clock, line, patienceMs, ticketLifeMs, reservations, pace, breaker, orders, telemetry } =
    dependencies;
  const { dimensions } = dependencies;
  const { monotonicNow = clock.localNow } = clock;
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
      // Those in need call as soon as they can; others follow when one of them has ended.
      const usable = inNeed * (1 + Math.floor(ticketLifeMs / Math.max(pace.callMs, 1)));
      const count = Math.min(line.maxBlock, Math.max(1, inNeed, Math.min(expected, usable)));
      const tickets = await reservations.reserve({ count, line }, patienceMs(), closing.signal);
      for (const ticket of tickets) add(ticket);
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

  /** A ticket for this one attempt. */
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

  /** As it is at the wire, where connecting may have taken long: if the time is not known, the ticket is not valid. */
  const isValidNow = (ticket: Ticket): boolean => {
    try {
      return clock.isSteady() && isValid(ticket, clock.now());
    } catch {
      return false;
    }
  };

  /** How long to wait before the ticket may be used: 0 for now, undefined if never. */
  const waitMs = (ticket: Ticket, nowMs: number): number | undefined => {
    if (nowMs > ticket.expiresAtMs) {
      telemetry.metric('TicketsExpired', 1, dimensions);
      return undefined;
    }
    const rest = breaker.restsUntilMs(nowMs);
    const { pause } = orders.active();
    const isPaused = pause !== undefined && dependencies.isPausedBy(pause);
    if (isPaused || (rest?.isOpen && ticket.probe === undefined)) {
      // Tickets in hand are void while calls are stopped.
      free.length = 0;
      return undefined;
    }
    const untilMs = rest === undefined || rest.isOpen ? ticket.validFromMs : rest.untilMs;
    return Math.max(untilMs - nowMs, ticket.validFromMs - nowMs, 0);
  };

  return {
    async attempt<Answer>(
      send: (permit: Permit) => Answer | Promise<Answer> | undefined,
      { signal, waf }: AttemptOptions<Answer> = {},
    ): Promise<Answer | undefined> {
      const throwIfEnded = (): void => {
        closing.signal.throwIfAborted();
        signal?.throwIfAborted();
      };
      /** For callers that must wait. */
      const endedSignal = (): AbortSignal =>
        signal ? AbortSignal.any([closing.signal, signal]) : closing.signal;
      const startedMs = monotonicNow();
      let held: Ticket | undefined;
      try {
        for (;;) {
          throwIfEnded();
          held ??= await draw(endedSignal);
          // Whatever happened before this line, a freeze of hours too: from here to `send` nothing is awaited.
          throwIfEnded();
          const looking = clock.isSteady() ? orders.look() : reservations.look();
          if (looking !== undefined) {
            await unlessAborted(looking, endedSignal());
            continue;
          }
          const nowMs = clock.now();
          const ms = waitMs(held, nowMs);
          if (ms === undefined) {
            held = undefined;
            expected += 1;
          } else if (ms > 0) {
            await clock.sleep(ms, endedSignal());
          } else {
            const ticket = held;
            held = undefined;
            const sent = send({ ticket, isValid: () => isValidNow(ticket) });
            if (sent === undefined) {
              putBack(ticket);
              return undefined;
            }
            telemetry.metric('TicketWait', Math.round(monotonicNow() - startedMs), dimensions);
            const sentMs = monotonicNow();
            const answer = await sent;
            pace.note(monotonicNow() - sentMs);
            const telling = waf && tell(answer, waf, { sentAtMs: nowMs, probe: ticket.probe });
            if (telling !== undefined)
              await (signal === undefined ? telling : unlessAborted(telling, signal));
            return answer;
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

  /**
   * Tells the breaker of an answer, which mostly knows it already: then nobody waits.
   *
   * @returns rejects with the refusal's error
   */
  function tell<Answer>(
    answer: Answer,
    waf: AnswerRule<Answer>,
    call: { readonly sentAtMs: number; readonly probe: Ticket['probe'] },
  ): Promise<void> | undefined {
    if (!waf.isRefusal(answer)) return breaker.answered(call);
    return breaker.refused(call, line.isEvidence !== false).then((refusal) => {
      const error = waf.toError(answer, refusal);
      telemetry.log('warn', 'the WAF refused a call', { ...dimensions, error: errorFields(error) });
      throw error;
    });
  }
}
