import type { StreamSettings } from './settings.ts';
import { floorMs } from './tickets.ts';

/** When calls could start, in ms from now, if no other caller reserves meanwhile. */
export interface Forecast {
  /** When one call could start. */
  readonly one: number;
  /** When the last of ten could. */
  readonly ten: number;
}

/** A worker's forecast of its budget: from one read, without a ticket. */
export interface BudgetForecast extends Forecast {
  /** The circuit breaker: while it is not `closed`, the WAF refuses calls, and calls wait for longer than the forecast says. */
  readonly breaker: 'closed' | 'open' | 'half-open';
  /** An operator has paused the budget: no call starts until the pause ends. */
  readonly isPaused: boolean;
}

/**
 * What a caller could expect of a counter, from where it stands and without a ticket: if no other caller reserves meanwhile, no order
 * pauses it and its circuit breaker is closed. The same for both priorities: low ones differ in who passes them.
 *
 * @param nextMs where the counter stands, in Unix ms
 * @param stream as calls take tickets of it: an order may have slowed it
 */
export function forecast(nextMs: number, nowMs: number, stream: StreamSettings): Forecast {
  const firstMs = Math.max(nextMs, floorMs(nowMs, stream));
  const startOf = (calls: number): number => Math.max(firstMs + (calls - 1) * stream.intervalMs - nowMs, 0);
  return { one: startOf(1), ten: startOf(10) };
}

/** Calls a second that the settings give a stream, in the mean. */
export function perSecond({ intervalMs }: StreamSettings): number {
  return Math.round(100_000 / intervalMs) / 100;
}
