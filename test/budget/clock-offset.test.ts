import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { createCallBudget } from '../../lib/budget/call-budget.ts';
import { createServerClock, followServerClock } from '../../lib/budget/clock-offset.ts';
import { createDynamoTicketCounter } from '../../lib/budget/dynamo-ticket-counter.ts';
import { systemClock } from '../../lib/clock.ts';
import { DEFAULT_BUDGET_SETTINGS } from '../../lib/contract.ts';
import { silentTelemetry, type Telemetry } from '../../lib/telemetry/telemetry.ts';
import { startTable } from '../support/dynamodb.ts';

const TRUE_MS = 1_700_000_000_000;

/** A clock `offsetMs` behind the server's, and a way to exchange a message with it. */
function world(offsetMs: number, clockAllowanceMs = 2_000) {
  let trueMs = TRUE_MS;
  let driftMs = 0;
  const metrics: [string, number][] = [];
  const telemetry: Telemetry = { ...silentTelemetry, metric: (name, value) => metrics.push([name, value]) };
  const clock = createServerClock({
    clock: { now: () => trueMs - offsetMs + driftMs, sleep: async () => {} },
    settings: { name: 'default', clockAllowanceMs },
    telemetry,
  });
  return {
    clock,
    metrics,
    error: () => clock.now() - trueMs,
    pass: (ms: number) => {
      trueMs += ms;
    },
    jump: (ms: number) => {
      driftMs += ms;
    },
    exchange(toMs: number, fromMs: number) {
      const sentMs = clock.localNow();
      trueMs += toMs;
      const dateMs = Math.floor(trueMs / 1000) * 1000;
      trueMs += fromMs;
      clock.observe(dateMs, sentMs, clock.localNow());
    },
  };
}

describe('the corrected clock', () => {
  test('is the local one until something is proved', () => {
    expect(world(60_000).error()).toBe(-60_000);
  });

  test('leaves alone what a header in whole seconds can explain', () => {
    const { exchange, error, metrics } = world(0);
    exchange(3, 3);
    expect(error()).toBe(0);
    expect(metrics).toEqual([]);
  });

  test.each([-3_600_000, -60_000, -2_500, 2_500, 60_000, 86_400_000])(
    'corrects %i ms to within the resolution, and reports it once',
    (offsetMs) => {
      const { exchange, error, metrics, pass } = world(offsetMs);
      exchange(3, 3);
      expect(Math.abs(error())).toBeLessThanOrEqual(510);
      pass(1_234);
      exchange(3, 3);
      expect(metrics).toHaveLength(1);
      expect(Math.abs((metrics[0]?.[1] ?? 0) - offsetMs)).toBeLessThanOrEqual(510);
    },
  );

  test('narrows with every response', () => {
    const { exchange, error, pass } = world(7_000);
    for (let response = 0; response < 60; response += 1) {
      exchange(2, 2);
      pass(1_037);
    }
    expect(Math.abs(error())).toBeLessThan(30);
  });

  test('never strays further than the responses allow, however slow and uneven they are', () => {
    const trip = fc.integer({ min: 0, max: 1_500 });
    fc.assert(
      fc.property(
        fc.integer({ min: -100_000, max: 100_000 }),
        fc.array(fc.tuple(trip, trip, fc.integer({ min: 0, max: 5_000 })), { minLength: 1, maxLength: 20 }),
        (offsetMs, trips) => {
          const { exchange, error, pass } = world(offsetMs);
          for (const [to, from, pause] of trips) {
            exchange(to, from);
            pass(pause);
          }
          const [first = [0, 0]] = trips;
          expect(Math.abs(error())).toBeLessThanOrEqual(1_000 + first[0] + first[1] + 1);
        },
      ),
    );
  });

  test('believes the newest response when the local clock was set', () => {
    const { exchange, error, jump, metrics } = world(0);
    exchange(3, 3);
    jump(30_000);
    exchange(3, 3);
    expect(Math.abs(error())).toBeLessThanOrEqual(510);
    jump(-30_000);
    exchange(3, 3);
    expect(Math.abs(error())).toBeLessThanOrEqual(510);
    expect(metrics.map(([name]) => name)).toEqual(['ClockOffset', 'ClockOffset']);
  });

  test('refuses when it is off and the responses are too slow to correct it, until one is faster', () => {
    const { clock, exchange, error } = world(60_000);
    exchange(4_000, 2_000);
    expect(() => clock.now()).toThrow(expect.objectContaining({ code: 'budget_clock_unreliable' }));
    exchange(5, 5);
    expect(Math.abs(error())).toBeLessThanOrEqual(510);
  });
});

describe('DynamoDB responses', () => {
  let engine: Awaited<ReturnType<typeof startTable>>;
  beforeAll(async () => {
    engine = await startTable();
  });
  afterAll(() => engine.stop());

  test('correct a clock that is a minute ahead before it touches the counter', async () => {
    const settings = DEFAULT_BUDGET_SETTINGS;
    const clock = createServerClock({
      clock: { ...systemClock, now: () => systemClock.now() + 60_000 },
      settings,
      telemetry: silentTelemetry,
    });
    followServerClock(engine.client, clock);
    const counter = createDynamoTicketCounter({ client: engine.client, table: engine.table, settings });
    const beforeMs = systemClock.now();
    await counter.init('worker', { nextMs: beforeMs - 60_000, nowMs: beforeMs });
    const budget = createCallBudget({
      settings,
      stream: 'worker',
      counter,
      clock,
      telemetry: silentTelemetry,
    });
    const book = budget.openBook({ calls: 3, patienceMs: () => 5_000 });
    expect(await book.attempt(() => 'sent')).toBe('sent');
    expect(Math.abs(clock.now() - systemClock.now())).toBeLessThan(1_500);
    const { nextMs = 0 } = await counter.read('worker');
    expect(nextMs).toBeLessThan(systemClock.now() + 5_000);
  });

  test('that refuse a write are measured as well', async () => {
    const seen: number[] = [];
    const clock = createServerClock({
      clock: systemClock,
      settings: { name: 'refused', clockAllowanceMs: 2_000 },
      telemetry: silentTelemetry,
    });
    followServerClock(engine.client, { ...clock, observe: (dateMs) => seen.push(dateMs) });
    const settings = { name: 'refused' };
    const counter = createDynamoTicketCounter({ client: engine.client, table: engine.table, settings });
    await counter.skip('worker', { nextMs: 1, floorMs: 1, nowMs: 1 });
    // The write and the read after it, both refused.
    expect(seen).toHaveLength(2);
    expect(Math.abs((seen[0] ?? 0) - systemClock.now())).toBeLessThan(5_000);
  });
});
