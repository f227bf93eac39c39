import { describe, expect, test } from 'vitest';

import { DEFAULT_BUDGET_SETTINGS } from '../../lib/budget/settings.ts';
import { DEMANDS, type Demand } from './demand.ts';
import { rollingWindow } from './rolling-window.ts';
import { type SimulationResult, simulate } from './simulation.ts';

/** `npm run simulate -- --seeds 20` runs more of them. */
const RUNS = [
  [10, 1, 'skewed'],
  [100, 2, 'equal'],
] as const;
const HOUR_MS = 3_600_000;

describe.each(RUNS)('an hour of tickets, %i workers, seed %i, %s clocks', (workers, seed, clocks) => {
  test.each(DEMANDS)('%s', async (demand) => {
    const run = { limiter: 'tickets', demand, workers, seed, clocks, durationMs: HOUR_MS } as const;
    const result = await simulate(run);
    expect(result.bound).toBe(1936);
    expect(result.largestWindow).toBeLessThanOrEqual(result.bound);
    expect(result.beyondLimit).toBe(0);
    if (demand !== 'outage') expect(result.minterWaitMaxMs).toBeLessThanOrEqual(1_000);
    expectations[demand]?.(result, workers);
  });
});

const expectations: Partial<Record<Demand, (result: SimulationResult, workers: number) => void>> = {
  steady(result) {
    expect(result.requestsPerCall).toBeLessThanOrEqual(0.35);
  },
  saturated(result, workers) {
    expect(result.shareOfRate).toBeGreaterThanOrEqual(0.99);
    expect(result.requestsPerCall).toBeLessThanOrEqual(workers === 10 ? 0.2 : 1);
  },
};

test.each(['fixed window', 'sliding counters'] as const)(
  'the %s lets more than the limit through',
  async (limiter) => {
    const demand = limiter === 'fixed window' ? 'after idleness' : 'saturated';
    const result = await simulate({ limiter, demand, workers: 100, seed: 1, durationMs: HOUR_MS });
    expect(result.largestWindow).toBeGreaterThan(DEFAULT_BUDGET_SETTINGS.limit);
    expect(result.minterWaitP99Ms).toBeGreaterThan(60_000);
  },
);

test('a run can be repeated', async () => {
  const options = {
    limiter: 'tickets',
    demand: 'bursts',
    workers: 20,
    seed: 7,
    durationMs: 600_000,
  } as const;
  expect(await simulate(options)).toEqual(await simulate(options));
});

test('a rolling window holds what came after the moment a window ago', () => {
  expect(rollingWindow([0, 10, 20, 100, 30], 100, 3)).toEqual({ largest: 4, beyondLimit: 2 });
});
