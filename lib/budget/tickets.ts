import type { BudgetSettings, StreamSettings } from './settings.ts';

/**
 * The arithmetic of tickets: pure, in milliseconds since the epoch. It is GCRA (generic cell rate algorithm, ITU-T I.371)
 * by virtual scheduling, with reservations and with permits that expire: the counter's `next` is the theoretical arrival
 * time, `intervalMs` the emission interval T, `burstMs` the tolerance.
 *
 * A ticket permits one HTTP attempt that starts between `validFromMs` and `expiresAtMs` by the caller's
 * corrected clock. The shared counter holds one moment, `next`: when the next free ticket becomes valid.
 * Reserving n tickets moves it on by n intervals, so any two tickets of a stream are an interval apart.
 */
export interface Ticket {
  readonly validFromMs: number;
  readonly expiresAtMs: number;
  /** For a probe: the opening of the circuit breaker that it may end. */
  readonly probe?: number;
}

/** The `count` tickets that begin with the one valid from `firstMs`. */
export function ticketsFrom(firstMs: number, count: number, stream: StreamSettings): readonly Ticket[] {
  return Array.from({ length: count }, (_, index) => {
    const validFromMs = firstMs + index * stream.intervalMs;
    return { validFromMs, expiresAtMs: validFromMs + stream.ticketLifeMs };
  });
}

/** What must hold immediately before an attempt. */
export function isValid(ticket: Ticket, nowMs: number): boolean {
  return ticket.validFromMs <= nowMs && nowMs <= ticket.expiresAtMs;
}

/** The oldest moment at which a ticket taken now may have become valid. */
export function floorMs(nowMs: number, stream: StreamSettings): number {
  return nowMs - stream.burstMs;
}

/**
 * The same for taking from a counter that others may have moved on: up to an interval older. Where both would do, the write that
 * was guessed applies: at three calls a second, in writes of one ticket, every third guess would be wrong otherwise.
 */
export function takeFloorMs(nowMs: number, stream: StreamSettings): number {
  const { intervalMs, ticketLifeMs, burstMs } = stream;
  return floorMs(nowMs, stream) - Math.min(intervalMs, Math.floor((ticketLifeMs - burstMs) / 2));
}

/** How many tickets, the first valid from `firstMs`, end by `lastMs`. */
export function ticketsThatFit(firstMs: number, lastMs: number, stream: StreamSettings): number {
  return firstMs > lastMs ? 0 : Math.floor((lastMs - firstMs) / stream.intervalMs) + 1;
}

/**
 * Where a counter begins that was not there: past every ticket that could be alive. A ticket was taken at
 * most the longest line ahead of a clock that is at most the allowance ahead, and ours may be as much behind. Others
 * may begin the counter, take tickets and delete it again while this write is under way.
 */
export function safeStartMs(nowMs: number, longestLineMs: number, settings: BudgetSettings): number {
  return nowMs + longestLineMs + 2 * settings.clockAllowanceMs + settings.networkDelayMs;
}

/**
 * The most calls of a stream that the WAF can see in any window. A call arrives in
 * [validFrom - skew, validFrom + life + skew + delay], so the calls of a window hold tickets from a span of
 * window + life + 2 × skew + delay, which has room for one ticket per interval and one more.
 */
export function boundOf(stream: StreamSettings, settings: BudgetSettings): number {
  return Math.floor(spanMs(stream, settings) / stream.intervalMs) + 1;
}

/** The span of the bound: window + life + 2 × skew + delay. */
export function spanMs(stream: StreamSettings, settings: BudgetSettings): number {
  return settings.windowMs + stream.ticketLifeMs + 2 * settings.clockAllowanceMs + settings.networkDelayMs;
}
