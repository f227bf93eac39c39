import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { createCallBudget } from '../../lib/budget/call-budget.ts';
import type { TicketCounter } from '../../lib/budget/ticket-counter.ts';
import { boundOf } from '../../lib/budget/tickets.ts';
import { type BudgetSettings, DEFAULT_BUDGET_SETTINGS } from '../../lib/contract.ts';
import { silentTelemetry } from '../../lib/telemetry/telemetry.ts';
import { conspire } from '../simulation/adversary.ts';
import { createInstance, type Instance } from '../simulation/instance.ts';
import { createMemoryTicketCounter } from '../simulation/memory-ticket-counter.ts';
import { rollingWindow } from '../simulation/rolling-window.ts';
import { createVirtualTime } from '../simulation/virtual-time.ts';

/** Small numbers, so that a short story fills a window. */
const SETTINGS: BudgetSettings = {
  name: 'default',
  limit: 1_000,
  windowMs: 2_000,
  clockAllowanceMs: 150,
  networkDelayMs: 200,
  blockMs: 700,
  worker: { intervalMs: 50, ticketLifeMs: 600, burstMs: 300, horizonMs: 700 },
  minter: { intervalMs: 500, ticketLifeMs: 600, burstMs: 300, horizonMs: 700 },
};
/** What a deployment changes the interval to while instances with the old one go on. */
const OTHER_INTERVAL_MS = 70;
const START_MS = 1_000_000;

const share = fc.double({ min: -1, max: 1, noNaN: true });
const step = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('calls' as const),
      skew: fc.constantFrom(-1, 1, 0, 0.5),
      calls: fc.integer({ min: 1, max: 25 }),
      patienceMs: fc.integer({ min: 0, max: 1_500 }),
      /** How late timers fire: a busy or frozen instance. */
      dawdleMs: fc.constantFrom(0, 0, 300, 590, 600, 5_000),
      delay: fc.constantFrom(0, 0.5, 1),
      lost: fc.boolean(),
      engineMs: fc.integer({ min: 0, max: 400 }),
      newInterval: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('freeze' as const),
      which: fc.nat(),
      ms: fc.integer({ min: 1, max: 3_000 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('block' as const), skew: share }) },
);
const story = fc.record({
  pauses: fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 60, maxLength: 60 }),
  steps: fc.array(step, { minLength: 5, maxLength: 60 }),
});
type Story = typeof story extends fc.Arbitrary<infer T> ? T : never;
type Calls = Extract<Story['steps'][number], { kind: 'calls' }>;

/** Plays a story with the library's own books, and returns when its calls reached the WAF. */
async function play({ pauses, steps }: Story, mayChangeInterval: boolean): Promise<number[]> {
  const time = createVirtualTime(START_MS);
  const memory = createMemoryTicketCounter();
  const instances: Instance[] = [];
  const arrivalsMs: number[] = [];

  const call = (actor: Calls): void => {
    const skewMs = actor.skew * SETTINGS.clockAllowanceMs;
    const instance = createInstance(time, skewMs);
    instances.push(instance);
    const send = async <Reply>(operation: () => Promise<Reply>): Promise<Reply> => {
      await instance.delay(actor.engineMs / 2);
      const first = operation();
      if (actor.lost) await instance.delay(50);
      // A lost response: the request is sent again and applied again.
      const reply = await (actor.lost ? operation() : first);
      await instance.delay(actor.engineMs / 2);
      return reply;
    };
    const counter: TicketCounter = {
      read: (...args) => send(() => memory.read(...args)),
      take: (...args) => send(() => memory.take(...args)),
      skip: (...args) => send(() => memory.skip(...args)),
      init: (...args) => send(() => memory.init(...args)),
      block: (...args) => send(() => memory.block(...args)),
    };
    const intervalMs =
      mayChangeInterval && actor.newInterval ? OTHER_INTERVAL_MS : SETTINGS.worker.intervalMs;
    const budget = createCallBudget({
      settings: { ...SETTINGS, worker: { ...SETTINGS.worker, intervalMs } },
      stream: 'worker',
      counter,
      clock: {
        now: instance.clock.now,
        sleep: (ms, signal) => instance.clock.sleep(ms + actor.dawdleMs, signal),
      },
      telemetry: silentTelemetry,
      random: () => 0.3,
    });
    const book = budget.openBook({
      calls: actor.calls,
      waitUntilMs: instance.clock.now() + actor.patienceMs,
    });
    for (let attempt = 0; attempt < actor.calls; attempt += 1) {
      book.attempt(() => arrivalsMs.push(time.now() + actor.delay * SETTINGS.networkDelayMs)).catch(() => {});
    }
  };

  for (const [index, next] of steps.entries()) {
    await time.run(time.now() + (pauses[index] ?? 0));
    const instance = 'which' in next ? instances[next.which % Math.max(instances.length, 1)] : undefined;
    switch (next.kind) {
      case 'calls':
        call(next);
        break;
      case 'freeze':
        instance?.freeze(next.ms);
        break;
      case 'crash':
        instance?.kill();
        break;
      case 'delete':
        memory.remove('worker');
        break;
      case 'block':
        await memory.block('worker', Math.round(time.now() + next.skew * 150 + SETTINGS.blockMs));
        break;
    }
  }
  await time.run(time.now() + 20_000);
  return arrivalsMs;
}

describe('no rolling window holds more calls than the bound', () => {
  test.each([
    ['one interval', false, 600],
    ['a changed interval, with old and new instances at once', true, 600],
  ])(
    'in random stories with %s',
    async (_, mayChangeInterval, numRuns) => {
      const bound = boundOf(SETTINGS.worker, SETTINGS);
      let fullest = 0;
      await fc.assert(
        fc.asyncProperty(story, async (told) => {
          const { largest } = rollingWindow(await play(told, mayChangeInterval), SETTINGS.windowMs, bound);
          fullest = Math.max(fullest, largest);
          expect(largest).toBeLessThanOrEqual(bound);
        }),
        { numRuns },
      );
      // The stories mean something: they come near.
      expect(fullest).toBeGreaterThan(bound / 2);
    },
    60_000,
  );

  test.each([
    ['the defaults, workers', DEFAULT_BUDGET_SETTINGS, 'worker'],
    ['the defaults, minter', DEFAULT_BUDGET_SETTINGS, 'minter'],
    ['small numbers', { ...SETTINGS, worker: { ...SETTINGS.worker, horizonMs: 1_000 } }, 'worker'],
  ] as const)('and the adversary reaches it or one less: %s', async (_, settings, stream) => {
    const { bound, largest, arrivalsMs } = await conspire(settings, stream);
    expect(arrivalsMs.length).toBeGreaterThanOrEqual(bound);
    expect(largest).toBeLessThanOrEqual(bound);
    expect(largest).toBeGreaterThanOrEqual(bound - 1);
  });
});
