import fc from 'fast-check';
import { expect, test } from 'vitest';

import { createMemoryTicketCounter } from '../../../infra/testing/memory-ticket-counter.ts';
import { createCallBudget } from '../../../lib/budget/call-budget.ts';
import { forecast, perSecond } from '../../../lib/budget/forecast.ts';
import { DEFAULT_BUDGET_SETTINGS } from '../../../lib/budget/settings.ts';
import { silentTelemetry } from '../../fixtures/telemetry.ts';
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
        const told = forecast(START_MS + aheadMs, START_MS, DEFAULT_BUDGET_SETTINGS.worker);
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

test('the rate is that of the interval', () => {
  expect(perSecond(DEFAULT_BUDGET_SETTINGS.worker)).toBe(5.88);
  expect(perSecond(DEFAULT_BUDGET_SETTINGS.minter)).toBe(0.1);
});
