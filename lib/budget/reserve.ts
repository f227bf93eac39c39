import type { BudgetStream } from '../contract.ts';
import type { Now } from '../platform/clock.ts';
import type { BudgetSettings } from './settings.ts';
import type { CounterReply, CounterState, TicketCounter } from './ticket-counter.ts';
import { ceilMs, floorMs, lastMs, safeStartMs, type Ticket, ticketsFrom, ticketsThatFit } from './tickets.ts';

/** What came of a reservation, with the counter as it was last seen. */
export type Reservation = { readonly seen: CounterState } & (
  | { readonly outcome: 'granted'; readonly tickets: readonly Ticket[] }
  /** No ticket becomes valid in time: the counter stands past it. */
  | { readonly outcome: 'full'; readonly nextMs: number }
  | { readonly outcome: 'blocked'; readonly untilMs: number }
);

export interface ReservationRequest {
  readonly counter: TicketCounter;
  readonly stream: BudgetStream;
  readonly settings: BudgetSettings;
  readonly now: Now;
  /** How many tickets are wanted; fewer are taken if fewer fit. */
  readonly count: number;
  /** The last moment at which the caller would still use a ticket, by `now` as it is when asked. */
  readonly untilMs: Now;
  /** The counter as it was last seen: a guess for granting, a proof for refusing, since it never decreases. */
  readonly seen: CounterState | undefined;
  /** Whether it was ahead of the clock then: so it may be still, whatever has been taken since. */
  readonly wasAhead: boolean;
}

/** Each write after the first means that another caller was granted something in between. */
const MAX_WRITES = 5;

/**
 * Reserves a block of tickets: one write if the last seen counter is about right. DynamoDB's conditions know no
 * clock and no max(), hence the three writes: take from a counter that is ahead, skip over a pause, init.
 */
export async function reserve(request: ReservationRequest): Promise<Reservation> {
  const { counter, stream: name, settings, now } = request;
  const stream = settings[name];
  let seen = request.seen ?? (await counter.read(name));
  for (let writes = 0; writes < MAX_WRITES; writes += 1) {
    const nowMs = now();
    const { nextMs, blockedUntilMs } = seen;
    if (blockedUntilMs !== undefined && blockedUntilMs > nowMs) {
      return { outcome: 'blocked', untilMs: blockedUntilMs, seen };
    }
    if (nextMs === undefined) {
      seen = (await counter.init(name, { nextMs: safeStartMs(nowMs, stream, settings), nowMs })).state;
      continue;
    }
    const floor = floorMs(nowMs, stream);
    const last = lastMs(nowMs, request.untilMs(), stream);
    const count = Math.min(request.count, ticketsThatFit(Math.max(nextMs, floor), last, stream));
    if (count === 0) return { outcome: 'full', nextMs, seen };
    const advanceMs = count * stream.intervalMs;
    const guessBusy = writes === 0 && request.wasAhead;
    const reply: CounterReply =
      nextMs < floor && !guessBusy
        ? await counter.skip(name, { nextMs: floor + advanceMs, floorMs: floor, nowMs })
        : await counter.take(name, {
            advanceMs,
            floorMs: floor,
            ceilMs: ceilMs(last, count, stream),
            nowMs,
          });
    seen = reply.state;
    if (reply.applied && seen.nextMs !== undefined) {
      return { outcome: 'granted', tickets: ticketsFrom(seen.nextMs - advanceMs, count, stream), seen };
    }
  }
  return { outcome: 'full', nextMs: seen.nextMs ?? now(), seen };
}
