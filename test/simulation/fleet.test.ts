import { describe, expect, test } from 'vitest';

import { budgetSettings } from '../../lib/budget/settings.ts';
import { type FleetOptions, type FleetResult, type Group, runFleet } from './fleet.ts';
import type { Random } from './random.ts';

/** Half an hour each, with equal clocks, and every request to the counter and to the orders counted. */
const MINUTES_30 = 1_800_000;
const run = (groups: readonly Group[], options: Partial<FleetOptions> = {}): Promise<FleetResult> =>
  runFleet({ groups, seed: 1, durationMs: MINUTES_30, ...options });
const one = (): number => 1;
const ten = (): number => 10;
const aboutTen = (random: Random): number => Math.round(random.between(5, 15));

describe('calls that wait at most 5 s, beside work of low priority', () => {
  const people = { name: 'people', callsPerJob: one, patienceMs: 5_000, isUrgent: true } as const;
  const bulk = { name: 'bulk', callsPerJob: ten, priority: 'low' } as const;

  test.each([4.5, 8])(
    'never fail, and what is left serves the others: %d a second',
    async (callsPerSecond) => {
      const { groups, shareOfRate, perSecond, requestsPerCall, orderReadsPerCall } = await run([
        { ...people, instances: 10, callsPerSecond: 1 },
        { ...bulk, instances: 20, callsPerSecond },
      ]);
      expect(groups.people?.failed).toBe(0);
      expect(groups.people?.waitP99Ms).toBeLessThanOrEqual(1_500);
      if (callsPerSecond === 4.5) expect(perSecond).toBeGreaterThanOrEqual(5.5);
      else expect(shareOfRate).toBeGreaterThanOrEqual(0.97);
      expect(requestsPerCall + orderReadsPerCall).toBeLessThanOrEqual(0.75);
    },
  );

  test('never fail, one a minute beside sixty instances that always want another call', async () => {
    const { groups, shareOfRate, requestsPerCall } = await run([
      { ...people, instances: 1, callsPerSecond: 1 / 60 },
      { ...bulk, instances: 60, callsPerSecond: 'saturated' },
    ]);
    expect(groups.people?.calls).toBeGreaterThan(15);
    expect(groups.people?.failed).toBe(0);
    expect(groups.people?.waitP99Ms).toBeLessThanOrEqual(1_500);
    expect(shareOfRate).toBeGreaterThanOrEqual(0.97);
    expect(requestsPerCall).toBeLessThanOrEqual(0.75);
  });

  test('fail where the same work has normal priority', async () => {
    const { groups } = await run([
      { ...people, instances: 10, callsPerSecond: 1 },
      { ...bulk, instances: 20, callsPerSecond: 8, priority: 'normal' },
    ]);
    expect(groups.people?.failed).toBeGreaterThan(100);
  });
});

test.each([20, 50, 200])('batches of ten calls at once waste no ticket: %i instances', async (instances) => {
  const batches = { name: 'batches', instances, callsPerJob: ten, inParallel: true, callsPerSecond: 12 };
  const { shareOfRate } = await run([batches], { durationMs: 600_000 });
  expect(shareOfRate).toBeGreaterThanOrEqual(0.99);
});

test.each([
  [10, 0.2, 0.17],
  [50, 0.45, 0.25],
  [100, 0.7, 0.35],
  [200, 1.1, 0.6],
])(
  '%i saturating workers, jobs of about ten calls: at most %d requests a call, and %d reads of the orders',
  async (instances, most, mostReads) => {
    const jobs = { name: 'jobs', instances, callsPerJob: aboutTen, callsPerSecond: 'saturated' as const };
    const { requestsPerCall, orderReadsPerCall, shareOfRate } = await run([jobs]);
    expect(requestsPerCall).toBeLessThanOrEqual(most);
    expect(orderReadsPerCall).toBeLessThanOrEqual(mostReads);
    expect(shareOfRate).toBeGreaterThanOrEqual(0.99);
  },
);

test.each([
  [1, 1.2],
  [2, 1.5],
  [3, 1.5],
  [4, 1.5],
  [5, 1.2],
])(
  'invocations of one call, %i a second from ten workers: at most %d requests a call',
  async (rate, most) => {
    const { requestsPerCall, orderReadsPerCall } = await run([
      { name: 'one', instances: 10, callsPerJob: one, callsPerSecond: rate },
    ]);
    expect(requestsPerCall).toBeLessThanOrEqual(most);
    expect(orderReadsPerCall).toBeLessThanOrEqual(0.17);
  },
);

test('1200 calls at once from 100 instances are done in 255 s, 99 of 100 in 230 s', async () => {
  const burst = { atMs: 150_000, calls: 1_200 };
  for (const seed of [1, 2, 3]) {
    const groups = [{ name: 'burst', instances: 100, callsPerJob: ten, burst }];
    const result = await run(groups, { seed, durationMs: 600_000 });
    expect(result.groups.burst?.calls).toBe(1_200);
    expect(result.groups.burst?.sinceArrivalP99Ms).toBeLessThanOrEqual(230_000);
    expect(result.groups.burst?.sinceArrivalMaxMs).toBeLessThanOrEqual(255_000);
  }
});

test('jobs of one, three and ten calls in a row each get their share under overload', async () => {
  const size = (calls: number, instances: number): Group => ({
    name: String(calls),
    instances,
    callsPerJob: () => calls,
    callsPerSecond: 'saturated',
  });
  const { groups, perSecond } = await run([size(1, 100), size(3, 30), size(10, 10)]);
  for (const group of Object.values(groups)) {
    expect(group.perSecond / (perSecond / 3)).toBeGreaterThanOrEqual(0.67);
    expect(group.perSecond / (perSecond / 3)).toBeLessThanOrEqual(1.5);
  }
});

describe('where never more than six calls may start in any second', () => {
  /** Tickets of a second and of the 150 ms in which each may be used, 200 ms apart, are six at most. */
  const settings = budgetSettings({ worker: { intervalMs: 200, ticketLifeMs: 150, burstMs: 0 } });
  const stalling = (random: Random): number => (random.chance(0.02) ? 20_000 : random.lognormal(350, 0.3));

  test.each<[string, Omit<Group, 'name'>]>([
    ['single calls', { instances: 10, callsPerJob: one, callsPerSecond: 3 }],
    ['ten calls in a row', { instances: 20, callsPerJob: ten, callsPerSecond: 4 }],
    ['ten calls at once', { instances: 20, callsPerJob: ten, inParallel: true, callsPerSecond: 3 }],
    ['always more', { instances: 20, callsPerJob: ten, callsPerSecond: 'saturated' }],
  ])('settings keep to it, also after an API has stalled: %s', async (name, group) => {
    const groups = [{ ...group, name }];
    const even = await run(groups, { settings, apiMs: stalling, durationMs: 900_000 });
    expect(even.mostInASecond).toBeLessThanOrEqual(6);
    expect(even.perSecond).toBeGreaterThan(group.callsPerSecond === 'saturated' ? 4.9 : 2.8);
    const usual = await run(groups, { apiMs: stalling, durationMs: 900_000 });
    expect(usual.mostInASecond).toBeGreaterThan(6);
  });
});
