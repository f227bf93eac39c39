import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { createBudgetClock } from '../../../lib/budget/budget-clock.ts';
import { type CallBudget, createCallBudget } from '../../../lib/budget/call-budget.ts';
import { createDynamoCallBudget, createDynamoMintBudget } from '../../../lib/budget/dynamo-budgets.ts';
import { createDynamoTicketCounter } from '../../../lib/budget/dynamo-ticket-counter.ts';
import { DEFAULT_BUDGET_SETTINGS } from '../../../lib/budget/settings.ts';
import { isPlumeError, type PlumeError } from '../../../lib/errors.ts';
import { type Clock, systemClock } from '../../../lib/platform/clock.ts';
import { createServerClock, followServerClock } from '../../../lib/platform/server-clock.ts';
import { reportClockOffset } from '../../../lib/telemetry/clock-offset.ts';
import type { Telemetry } from '../../../lib/telemetry/telemetry.ts';
import { answerRule } from '../../../lib/waf/answer-rule.ts';
import { startTable, type Table } from '../../fixtures/table.ts';
import { silentTelemetry } from '../../fixtures/telemetry.ts';
import { openScene, START_MS, watch } from '../../fixtures/virtual-time/budget.ts';
import { ONLY_MIXTURE } from '../../fixtures/virtual-time/mixture.ts';
import { virtualClock } from '../../fixtures/virtual-time/time.ts';

const TRUE_MS = 1_700_000_000_000;

/** A clock `offsetMs` behind the server's, and a way to exchange a message with it. */
function world(offsetMs: number, clockAllowanceMs = 2_000) {
  let trueMs = TRUE_MS;
  let driftMs = 0;
  const metrics: [string, number][] = [];
  const telemetry: Telemetry = { ...silentTelemetry, metric: (name, value) => metrics.push([name, value]) };
  const server = createServerClock({
    clock: {
      now: () => trueMs - offsetMs + driftMs,
      monotonicNow: () => trueMs,
      sleep: async () => {},
    },
    onOffset: reportClockOffset(telemetry, 'default'),
  });
  const clock = createBudgetClock(server, { name: 'default', clockAllowanceMs });
  return {
    clock,
    server,
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
      server.observe(dateMs, sentMs, clock.localNow());
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

  test('with an allowance that no single header can prove stands while it may be within it', () => {
    const { exchange, error, pass } = world(10, 100);
    pass(2);
    exchange(1, 1);
    // Corrected by the middle of what is possible it would be half a second off.
    expect(error()).toBe(-10);
    const { clock, ...off } = world(5_000, 100);
    off.exchange(1, 1);
    expect(() => clock.now()).toThrow(expect.objectContaining({ code: 'budget_clock_unreliable' }));
    for (let response = 0; response < 60; response += 1) {
      off.pass(1_037);
      off.exchange(2, 2);
    }
    expect(Math.abs(off.error())).toBeLessThanOrEqual(100);
  });

  test('learns nothing from a response during which the local clock was set back', () => {
    const { clock, server, error, jump } = world(0);
    const sentMs = clock.localNow();
    jump(-30_000);
    server.observe(Math.floor(sentMs / 1000) * 1000, sentMs, clock.localNow());
    jump(30_000);
    expect(error()).toBe(0);
  });

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

test.each([
  [60_000, 'behind'],
  [-60_000, 'ahead of'],
])(
  'a clock that is %i ms off says by how much it is %s, what is allowed, and what to do',
  (offsetMs, side) => {
    const { clock, exchange } = world(offsetMs);
    exchange(4_000, 2_000);
    const error = (() => {
      try {
        return clock.now();
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toMatchObject({
      name: 'BudgetClockUnreliableError',
      retryAtMs: clock.localNow() + 1_000,
      message: expect.stringMatching(
        `about (5[6-9]|6[0-4])[0-9]{3} ms ${side} DynamoDB's, give or take 3500 ms, and call budget default allows 2000 ms; synchronise the clock`,
      ),
    });
  },
);

test.each([
  ['just as far as is allowed', 0, true],
  ['further', 1, false],
])('a clock that responses put at the edge of the allowance stands: %s', (_, beyondMs, stands) => {
  for (const sign of [1, -1]) {
    const server = createServerClock({ clock: { now: () => TRUE_MS, sleep: async () => {} } });
    const clock = createBudgetClock(server, { name: 'default', clockAllowanceMs: 100 });
    // It proves an offset between the edge and a second beyond.
    const edgeMs = 100 + beyondMs;
    const dateMs = sign > 0 ? TRUE_MS + edgeMs : TRUE_MS - edgeMs - 1_000;
    server.observe(dateMs, TRUE_MS, TRUE_MS);
    if (stands) expect(clock.now()).toBe(TRUE_MS);
    else expect(() => clock.now()).toThrow(expect.objectContaining({ code: 'budget_clock_unreliable' }));
  }
});

test('a clock that is known just as well as is allowed is corrected, and spans are those of its monotonic clock', () => {
  const { clock, server } = world(0, 500);
  server.observe(TRUE_MS + 60_000, TRUE_MS, TRUE_MS);
  expect(clock.now()).toBe(TRUE_MS + 60_500);
  expect(clock.monotonicNow).toBe(server.monotonicNow);
});

test('a clock is steady while it has drifted by no more than half of the allowance', () => {
  const { clock, exchange, jump } = world(0);
  exchange(1, 1);
  jump(1_000);
  expect(clock.isSteady()).toBe(true);
  jump(1);
  expect(clock.isSteady()).toBe(false);
});

/** DynamoDB's clock is virtual time, the local one `offsetMs` behind it; the counter's answers carry the former. */
function instanceBehind(offsetMs: number, scene: Awaited<ReturnType<typeof openScene>>, roundTripMs = 0) {
  let setByMs = 0;
  const time = virtualClock(scene.time, -offsetMs);
  const local: Clock = { ...time, now: () => time.now() + setByMs, monotonicNow: scene.time.now };
  const server = createServerClock({ clock: local });
  const clock = createBudgetClock(server, scene.settings);
  const answering =
    <Args extends unknown[], Reply>(call: (...args: Args) => Promise<Reply>) =>
    async (...args: Args): Promise<Reply> => {
      const sentMs = local.now();
      const reply = await call(...args);
      server.observe(Math.floor(scene.time.now() / 1000) * 1000, sentMs - roundTripMs, local.now());
      return reply;
    };
  const { read, take, skip, init, probe, replaceBreaker } = scene.counter;
  const counter = {
    read: answering(read),
    take: answering(take),
    skip: answering(skip),
    init: answering(init),
    probe: answering(probe),
    replaceBreaker: answering(replaceBreaker),
  };
  const options = { settings: scene.settings, counter, clock, telemetry: silentTelemetry, random: () => 0.5 };
  /** As if somebody, or something, had set the local clock. */
  const setClock = (byMs: number): void => {
    setByMs += byMs;
  };
  return { local, clock, server, setClock, budget: createCallBudget(options) };
}

describe.each([-600_000, -60_000, 60_000, 600_000])('an instance whose clock is %i ms behind', (offsetMs) => {
  test('is served by a free counter at once, although it learns of its error only then', async () => {
    const { budget } = instanceBehind(offsetMs, await openScene());
    expect(await budget.openBook({ patienceMs: () => 0 }).attempt(() => 'sent')).toBe('sent');
  });

  test('is told by its own clock when to come back', async () => {
    const scene = await openScene();
    const { budget, local } = instanceBehind(offsetMs, scene);
    const { horizonMs } = scene.settings.worker;
    scene.memory.moveTo('worker', START_MS + 3 * horizonMs);
    const full = await refusal(budget);
    expect(full.code).toBe('budget_exhausted');
    // Two horizons, and a spread of up to one; the correction is known to half a second.
    expect((full.retryAtMs ?? 0) - local.now()).toBeGreaterThanOrEqual(2 * horizonMs - 1_000);
    expect((full.retryAtMs ?? 0) - local.now()).toBeLessThanOrEqual(4 * horizonMs);

    const next = { refusedAtMs: START_MS, blockedUntilMs: START_MS + 45_000, openings: 7 };
    await scene.memory.replaceBreaker('worker', { seen: {}, next });
    const other = instanceBehind(offsetMs, scene);
    const blocked = await refusal(other.budget);
    expect(blocked.code).toBe('budget_blocked');
    expect((blocked.retryAtMs ?? 0) - other.local.now()).toBeGreaterThanOrEqual(45_000 - 1_000);
    expect((blocked.retryAtMs ?? 0) - other.local.now()).toBeLessThanOrEqual(45_000 + 2_000);
  });
});

test('tickets that a clock ahead has taken for now are left, and the caller is told when to come back', async () => {
  const scene = await openScene();
  const { budget } = instanceBehind(-10_000, scene);
  // The counter knows the settings, so the first request applies.
  await scene
    .instance()
    .openBook({ patienceMs: () => 0 })
    .attempt(() => true);
  // By that clock they are valid in four seconds.
  scene.memory.moveTo('worker', START_MS + 14_000);
  const attempt = watch(budget.openBook({ patienceMs: () => 5_000 }).attempt(() => 'sent'));
  await scene.time.run(START_MS + 1);
  expect(attempt.error).toMatchObject({ code: 'budget_exhausted' });
});

describe('a warm instance whose clock is set', () => {
  const MINUTE_MS = 60_000;

  test.each([4, 60, -4, -60])('by %i minutes holds up no other, and is served itself', async (minutes) => {
    const scene = await openScene();
    const [warm, other] = [instanceBehind(0, scene), instanceBehind(0, scene)];
    const call = ({ budget }: typeof warm) =>
      budget.openBook({ patienceMs: () => 1_000 }).attempt(() => 'sent');
    await call(warm);
    await scene.time.run(START_MS + MINUTE_MS);
    warm.setClock(minutes * MINUTE_MS);
    const before = scene.asked.length;
    expect(await call(warm)).toBe('sent');
    expect(await call(other)).toBe('sent');
    expect((await scene.memory.read('worker')).nextMs).toBeLessThanOrEqual(START_MS + MINUTE_MS + 1_000);
    // Its first request is one that no clock can make harmful.
    expect(scene.asked[before]).toBe('take');
  });

  test('back while it holds tickets sends nothing on those that have expired since', async () => {
    const scene = await openScene();
    const { budget, setClock } = instanceBehind(0, scene);
    const book = budget.openBook({ calls: 4, patienceMs: () => 60_000 });
    for (let calls = 0; calls < 3; calls += 1) await book.attempt(() => true);
    await scene.time.run(START_MS + 45_000);
    setClock(-MINUTE_MS);
    const sent = watch(book.attempt(({ ticket }) => scene.time.now() - ticket.validFromMs));
    await scene.time.run(START_MS + 2 * MINUTE_MS);
    expect(sent.value).toBeLessThanOrEqual(scene.settings.worker.ticketLifeMs + 500);
  });

  test('forward while it holds tickets uses none of them early', async () => {
    const scene = await openScene();
    const { budget, setClock } = instanceBehind(0, scene);
    const book = budget.openBook({ calls: 10, patienceMs: () => 60_000 });
    for (let calls = 0; calls < 6; calls += 1) await book.attempt(() => true);
    setClock(MINUTE_MS);
    const sent = watch(book.attempt(({ ticket }) => scene.time.now() - ticket.validFromMs));
    await scene.time.run(START_MS + 2 * MINUTE_MS);
    // One answer tells the time to half a second.
    expect(sent.value).toBeGreaterThanOrEqual(-500);
  });

  test('finds no ticket valid at the wire before it has asked', async () => {
    const scene = await openScene();
    const { budget, setClock } = instanceBehind(0, scene);
    const seen: boolean[] = [];
    await budget.openBook({ patienceMs: () => 0 }).attempt((permit) => {
      seen.push(permit.isValid());
      setClock(-10_000);
      seen.push(permit.isValid());
      return true;
    });
    expect(seen).toEqual([true, false]);
  });

  test('with answers that tell no time makes no call, and says why', async () => {
    const scene = await openScene();
    const { budget, setClock, server } = instanceBehind(0, scene);
    const book = budget.openBook({ calls: 2, patienceMs: () => 0 });
    await book.attempt(() => true);
    Object.assign(server, { observe: () => {} });
    setClock(10_000);
    await expect(book.attempt(() => true)).rejects.toMatchObject({
      code: 'budget_clock_unreliable',
      message: expect.stringContaining('responses have no Date header'),
      retryAtMs: START_MS + 10_000 + 20_000,
    });
  });
});

test('a clock that could not be corrected is tried again with a new answer, by itself', async () => {
  const scene = await openScene();
  const { budget, clock, server, local } = instanceBehind(60_000, scene);
  // An answer that was six seconds under way.
  server.observe(Math.floor(scene.time.now() / 1000) * 1000, local.now() - 6_000, local.now());
  expect(() => clock.now()).toThrow(expect.objectContaining({ code: 'budget_clock_unreliable' }));
  expect(await budget.openBook({ patienceMs: () => 1_000 }).attempt(() => 'sent')).toBe('sent');
});

async function refusal(budget: CallBudget): Promise<PlumeError> {
  const error = await budget
    .openBook({ patienceMs: () => 0 })
    .attempt(() => 'sent')
    .catch((thrown: unknown) => thrown);
  expect(isPlumeError(error)).toBe(true);
  return error as PlumeError;
}

describe('DynamoDB responses', () => {
  let engine: Table;
  beforeAll(async () => {
    engine = await startTable();
  });
  afterAll(() => engine.stop());

  test('correct a clock that is a minute ahead before it touches the counter', async () => {
    const settings = DEFAULT_BUDGET_SETTINGS;
    const server = createServerClock({
      clock: { ...systemClock, now: () => systemClock.now() + 60_000 },
    });
    followServerClock(engine.dynamodb, server);
    const clock = createBudgetClock(server, settings);
    const counter = createDynamoTicketCounter({ dynamodb: engine.dynamodb, table: engine.table, settings });
    const beforeMs = systemClock.now();
    await counter.init('worker', { nextMs: beforeMs - 60_000 });
    const budget = createCallBudget({
      settings,
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

  test('correct the clock of a budget as functions build it', async () => {
    const name = 'as-functions-do';
    const settings = { ...DEFAULT_BUDGET_SETTINGS, name };
    const counter = createDynamoTicketCounter({ dynamodb: engine.dynamodb, table: engine.table, settings });
    await counter.init('worker', { nextMs: 1 });
    const clock = createServerClock({
      clock: { ...systemClock, now: () => systemClock.now() + 600_000 },
    });
    followServerClock(engine.dynamodb, clock);
    const budget = createDynamoCallBudget({
      ...{ dynamodb: engine.dynamodb, table: engine.table, settings },
      ...{ stream: 'worker', clock, telemetry: silentTelemetry },
    });
    await budget.openBook({ patienceMs: () => 1_000 }).attempt(() => true);
    const { nextMs = 0 } = await counter.read('worker');
    expect(Math.abs(nextMs - systemClock.now())).toBeLessThan(60_000);
  });

  test("the minter's own requests tell the breaker of its stream, and an inspector's do not", async () => {
    for (const tellsBreaker of [undefined, false]) {
      const settings = { ...DEFAULT_BUDGET_SETTINGS, name: `tells-${tellsBreaker}` };
      const where = { dynamodb: engine.dynamodb, table: engine.table, settings };
      const counter = createDynamoTicketCounter(where);
      await counter.init('minter', { nextMs: 1 });
      const clock = createServerClock({ clock: systemClock });
      const budget = createDynamoMintBudget({
        ...where,
        ...{ clock, telemetry: silentTelemetry },
        ...(tellsBreaker !== undefined && { tellsBreaker }),
      });
      const waf = answerRule('mocha', 'a request', budget.isWafBlock);
      const refused = budget
        .openBook({ kind: 'renewal', patienceMs: () => 1_000 })
        .attempt(async () => new Response('<html>', { status: 403 }), { waf });
      await expect(refused).rejects.toMatchObject({ code: 'waf_blocked' });
      const { breaker } = await counter.read('minter');
      expect(breaker.refusals).toBe(tellsBreaker === undefined ? 1 : undefined);
    }
  });

  test('that refuse a write are measured as well', async () => {
    const seen: number[] = [];
    const clock = createServerClock({ clock: systemClock });
    followServerClock(engine.dynamodb, { ...clock, observe: (dateMs) => seen.push(dateMs) });
    const settings = { name: 'refused' };
    const counter = createDynamoTicketCounter({ dynamodb: engine.dynamodb, table: engine.table, settings });
    await counter.skip('worker', { nextMs: 1, floorMs: 1, mixture: ONLY_MIXTURE });
    // The write and the read after it, both refused.
    expect(seen).toHaveLength(2);
    expect(Math.abs((seen[0] ?? 0) - systemClock.now())).toBeLessThan(5_000);
  });
});
