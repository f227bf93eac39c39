import fc from 'fast-check';
import { expect, test } from 'vitest';

import { createMemoryTicketCounter } from '../../../infra/testing/memory-ticket-counter.ts';
import { createCallBudget } from '../../../lib/budget/call-budget.ts';
import { forecast, perSecond } from '../../../lib/budget/forecast.ts';
import { DEFAULT_BUDGET_SETTINGS } from '../../../lib/budget/settings.ts';
import { silentTelemetry } from '../../fixtures/telemetry.ts';
import { openScene } from '../../fixtures/virtual-time/budget.ts';
import { createVirtualTime, START_MS, virtualClock } from '../../fixtures/virtual-time/time.ts';

test('a forecast is what the reservations of a caller that is alone then get, of either priority', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: -30_000, max: 60_000 }),
      fc.constantFrom('normal' as const, 'low' as const),
      fc.constantFrom(1, 10),
      async (aheadMs, priority, calls) => {
        const time = createVirtualTime(START_MS);
        const counter = createMemoryTicketCounter();
        counter.moveTo('worker', START_MS + aheadMs);
        const budget = createCallBudget({
          settings: DEFAULT_BUDGET_SETTINGS,
          counter,
          clock: virtualClock(time),
          telemetry: silentTelemetry,
          // Nobody else is refused, so there is nothing to spread.
          random: () => 0,
        });
        const told = await budget.forecast();
        expect(told).toEqual({
          ...forecast(START_MS + aheadMs, START_MS, DEFAULT_BUDGET_SETTINGS.worker),
          breaker: 'closed',
          isPaused: false,
        });
        const book = budget.openBook({ calls, priority, patienceMs: () => 120_000 });
        const startedMs: number[] = [];
        for (let call = 0; call < calls; call += 1)
          void book.attempt(() => startedMs.push(time.now() - START_MS));
        await time.run(START_MS + 120_000);
        expect(startedMs).toHaveLength(calls);
        expect(Math.max(...startedMs)).toBe(calls === 1 ? told.one : told.ten);
      },
    ),
    { numRuns: 200 },
  );
});

test('a worker asks for its forecast with one read of the counter, and takes no ticket', async () => {
  const scene = await openScene();
  scene.memory.moveTo('worker', START_MS + 5_000);
  const budget = scene.instance();
  expect(await budget.forecast()).toEqual({ one: 5_000, ten: 6_530, breaker: 'closed', isPaused: false });
  expect(scene.asked).toEqual(['read']);
  expect((await scene.memory.read('worker')).nextMs).toBe(START_MS + 5_000);
  await scene.time.run(START_MS + 1_000);
  expect((await budget.forecast()).one).toBe(4_000);
  // An instance that calls looks at the orders beside its calls; one that only asks, before its first question.
  expect(scene.looks).toBe(1);
});

test('a forecast says what it cannot foresee: a pause, a circuit breaker that is not closed, a counter that is not there', async () => {
  const scene = await openScene({ begun: false });
  expect(await scene.instance().forecast()).toMatchObject({ one: 37_000, ten: 38_530 });
  scene.memory.moveTo('worker', START_MS);
  const next = { refusedAtMs: START_MS, blockedUntilMs: START_MS + 10_000, openings: 3 };
  await scene.memory.replaceBreaker('worker', { seen: {}, next });
  const pause = { untilMs: START_MS + 60_000, orderedAtMs: START_MS, reason: 'a test', by: 'on-call' };
  scene.orders = { pause: { ...pause, minter: false } };
  expect(await scene.instance().forecast()).toEqual({ one: 0, ten: 1_530, breaker: 'open', isPaused: true });
  scene.away = true;
  await expect(scene.instance().forecast()).rejects.toMatchObject({ code: 'budget_unavailable' });
});

test('a forecast counts with the interval of a stream that an operator has slowed', async () => {
  const scene = await openScene();
  scene.memory.moveTo('worker', START_MS);
  const order = { untilMs: START_MS + 60_000, orderedAtMs: START_MS, reason: 'a test', by: 'on-call' };
  scene.orders = { slow: { ...order, share: 0.5 } };
  expect(await scene.instance().forecast()).toMatchObject({ one: 0, ten: 9 * 340 });
});

test('the rate is that of the interval', () => {
  expect(perSecond(DEFAULT_BUDGET_SETTINGS.worker)).toBe(5.88);
  expect(perSecond(DEFAULT_BUDGET_SETTINGS.minter)).toBe(0.1);
});
