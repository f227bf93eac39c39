import { phaseOf } from '../waf/breaker-state.ts';
import { longestBlockMs, type Parts } from './budget-parts.ts';
import { type BudgetForecast, forecast } from './forecast.ts';
import { longestLineMs } from './lines.ts';
import { slowed } from './orders.ts';
import { reachCounter } from './stream-tickets.ts';
import { safeStartMs } from './tickets.ts';

/**
 * What a worker could expect of its stream: one read of the counter, and no ticket.
 *
 * @throws {BudgetUnavailableError} the shared counter cannot be reached
 * @throws {BudgetClockUnreliableError} the clock cannot be corrected
 */
export async function readForecast(parts: Parts): Promise<BudgetForecast> {
  const { settings, counter, orders, clock } = parts;
  const { nextMs, breaker } = await reachCounter(
    async () => {
      await orders.look();
      return counter.read('worker');
    },
    { ...parts, stream: 'worker' },
  );
  const nowMs = clock.now();
  const active = orders.active();
  const startMs = nextMs ?? safeStartMs(nowMs, longestLineMs('worker', settings), settings);
  return {
    ...forecast(startMs, nowMs, slowed(settings.worker, 'worker', active)),
    breaker: phaseOf(breaker, nowMs, longestBlockMs(settings, 'worker')),
    isPaused: active.pause !== undefined,
  };
}
