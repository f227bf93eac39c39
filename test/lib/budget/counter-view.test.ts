import { describe, expect, test } from 'vitest';

import { createMemoryTicketCounter } from '../../../infra/testing/memory-ticket-counter.ts';
import { createCounterView } from '../../../lib/budget/counter-view.ts';
import { DEFAULT_BUDGET_SETTINGS } from '../../../lib/budget/settings.ts';
import type { CounterState } from '../../../lib/budget/ticket-counter.ts';
import { createCircuitBreaker } from '../../../lib/waf/circuit-breaker.ts';

const START_MS = Date.UTC(2026, 0, 1);
const WINDOW_MS = DEFAULT_BUDGET_SETTINGS.windowMs;

/** A view whose time is moved by the test. */
function openView() {
  const world = { now: 0, isSteady: true, told: [] as unknown[] };
  const now = () => START_MS + world.now;
  const telemetry = {
    metric: (...metric: unknown[]) => world.told.push(metric),
    log: (...line: unknown[]) => world.told.push(line),
  };
  const breaker = createCircuitBreaker({
    store: createMemoryTicketCounter(),
    stream: 'worker',
    budget: 'default',
    longestMs: 49_000,
    clockAllowanceMs: 2_000,
    callRestMs: 30_000,
    now,
    telemetry,
    tellsOthers: true,
    random: () => 0.5,
  });
  const view = createCounterView({
    settings: DEFAULT_BUDGET_SETTINGS,
    stream: 'worker',
    breaker,
    clock: { now, localNow: now, isSteady: () => world.isSteady, sleep: async () => {} },
    telemetry,
  });
  const state = (nextMs: number | undefined, blockedUntilMs?: number): CounterState => ({
    ...(nextMs !== undefined && { nextMs: START_MS + nextMs }),
    breaker: blockedUntilMs === undefined ? {} : { blockedUntilMs: START_MS + blockedUntilMs },
    mixture: { names: undefined, usedAtMs: {} },
  });
  return { world, view, breaker, state, recent: () => view.recent(START_MS + world.now) };
}

describe('the counter as it was last seen', () => {
  test('is known for a window, and not after that', () => {
    const { world, view, state, recent } = openView();
    expect(recent()).toBeUndefined();
    view.follow()(state(5_000));
    world.now = WINDOW_MS - 1;
    expect(recent()).toEqual(state(5_000));
    world.now = WINDOW_MS;
    expect(recent()).toBeUndefined();
  });

  test('is not relied on while the clock may have been set', () => {
    const { world, view, state, recent } = openView();
    view.follow()(state(5_000));
    world.isSteady = false;
    expect(recent()).toBeUndefined();
  });

  test('has the breaker of each reply of a reservation, unless this instance has changed it meanwhile', async () => {
    const { world, view, breaker, state, recent } = openView();
    const see = view.follow();
    see(state(5_000, 1_000));
    see(state(5_000, 2_000));
    expect(recent()?.breaker).toEqual({ blockedUntilMs: START_MS + 2_000 });
    see(state(5_000));
    const late = view.follow();
    world.now = 100;
    await breaker.refused({ sentAtMs: START_MS + 50, probe: undefined }, true);
    late(state(5_000));
    expect(recent()?.breaker).toMatchObject({ refusals: 1 });
  });

  test('is not known after a lift, nor is a block', () => {
    const { view, breaker, state, recent } = openView();
    view.follow()(state(5_000, 10_000));
    view.forget();
    expect(recent()).toBeUndefined();
    expect(breaker.state).toEqual({});
  });
});

describe('a stream is busy', () => {
  test('at first, and until skipping applies again and again', () => {
    const { view } = openView();
    const busy = Array.from({ length: 5 }, () => {
      view.granted('skip');
      return view.isBusy;
    });
    expect(busy).toEqual([true, true, true, true, false]);
    view.granted('take');
    expect(view.isBusy).toBe(true);
  });

  test('or not, whatever probes do', () => {
    const { view } = openView();
    for (let probes = 0; probes < 20; probes += 1) view.granted('probe');
    expect(view.isBusy).toBe(true);
    for (let skips = 0; skips < 5; skips += 1) view.granted('skip');
    for (let probes = 0; probes < 20; probes += 1) view.granted('probe');
    expect(view.isBusy).toBe(false);
  });
});

test('a counter that no caller can have moved so far is told once a window, with what to do', () => {
  const { world, view, state } = openView();
  const see = view.follow();
  const implausible = state(86_400_000);
  see(implausible);
  expect(world.told).toEqual([
    ['CounterImplausible', 1, { budget: 'default' }],
    [
      'error',
      expect.stringContaining('delete its item with the verb heal'),
      {
        budget: 'default',
        stream: 'worker',
        item: 'budget#default#worker',
        until: '2026-01-02T00:00:00.000Z',
      },
    ],
  ]);
  world.now = WINDOW_MS - 1;
  see(implausible);
  expect(world.told).toHaveLength(2);
  world.now = WINDOW_MS;
  see(implausible);
  expect(world.told).toHaveLength(4);
  see(state(undefined));
  see(state(5_000));
  expect(world.told).toHaveLength(4);
});
