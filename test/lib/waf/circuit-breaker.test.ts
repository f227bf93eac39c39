import { describe, expect, test } from 'vitest';

import { createMemoryTicketCounter } from '../../../infra/testing/memory-ticket-counter.ts';
import type { BreakerState } from '../../../lib/waf/breaker-state.ts';
import type { BreakerStore } from '../../../lib/waf/breaker-store.ts';
import { type CircuitBreakerDependencies, createCircuitBreaker } from '../../../lib/waf/circuit-breaker.ts';

const START_MS = Date.UTC(2026, 0, 1);
const LONGEST_MS = 49_000;
const ALLOWANCE_MS = 2_000;

/** Breakers of several instances over one item. Every moment is in ms after the start. */
function openWorld(initial: BreakerState = {}) {
  const counter = createMemoryTicketCounter();
  const reports: unknown[] = [];
  const world = {
    now: 0,
    reports,
    writes: 0,
    /** Runs before each write. */
    beforeWrite: async (): Promise<void> => {},
    write: (seen: BreakerState, next: BreakerState) => counter.replaceBreaker('worker', { seen, next }),
    stored: async () => (await counter.read('worker')).breaker,
    instance(own: Partial<CircuitBreakerDependencies> = {}) {
      const store: BreakerStore = {
        async replaceBreaker(stream, change) {
          world.writes += 1;
          await world.beforeWrite();
          return counter.replaceBreaker(stream, change);
        },
      };
      const breaker = createCircuitBreaker({
        store,
        stream: 'worker',
        budget: 'default',
        longestMs: LONGEST_MS,
        clockAllowanceMs: ALLOWANCE_MS,
        callRestMs: 30_001,
        now: () => START_MS + world.now,
        telemetry: {
          metric: (name, value, labels) => reports.push([name, value, labels]),
          log: (level, message, fields) => reports.push([level, message, fields]),
        },
        tellsOthers: true,
        random: () => 0.5,
        ...own,
      });
      return {
        breaker,
        refused: (sentAt = world.now, probe?: number) =>
          breaker.refused({ sentAtMs: START_MS + sentAt, probe }, true),
        answered: (sentAt = world.now, probe?: number) =>
          breaker.answered({ sentAtMs: START_MS + sentAt, probe }),
        restsUntil: () => breaker.restsUntilMs(START_MS + world.now),
        /** As a reservation's reply does. */
        look: async () => breaker.observe()(await world.stored()),
      };
    },
  };
  return { world, begun: counter.replaceBreaker('worker', { seen: {}, next: initial }) };
}

/** Four refusals, a second apart: the last at 3 s opens the breaker until 4 s. */
async function openBreaker(world: ReturnType<typeof openWorld>['world']) {
  const own = world.instance();
  for (const now of [0, 1_000, 2_000]) {
    world.now = now;
    await own.refused();
  }
  expect(world.reports).toEqual([]);
  world.now = 3_000;
  return { own, last: await own.refused() };
}

describe('what operators are told', () => {
  test('a breaker that opens is one error, with the time of the first refusal and the end of the pause', async () => {
    const { world } = openWorld();
    await openBreaker(world);
    expect(world.reports).toEqual([
      ['WafBlocked', 1, { budget: 'default' }],
      [
        'error',
        expect.stringContaining('refuses every call of this address'),
        {
          budget: 'default',
          stream: 'worker',
          until: '2026-01-01T00:00:04.000Z',
          refusedSince: '2026-01-01T00:00:00.000Z',
        },
      ],
    ]);
  });

  test('a breaker that closes is told once, however many answers arrive together', async () => {
    const { world } = openWorld();
    const { own } = await openBreaker(world);
    world.reports.length = 0;
    world.now = 4_500;
    await Promise.all([own.answered(4_100, 1), own.answered(4_200), own.answered(4_300)]);
    await own.answered(4_400);
    expect(world.reports).toEqual([
      [
        'info',
        expect.stringContaining('lets calls of this address pass'),
        { budget: 'default', stream: 'worker' },
      ],
    ]);
    expect(world.writes).toBe(5);
  });

  test('refused calls after which another passed are counted, and told as refusals of those calls', async () => {
    const { world } = openWorld();
    const own = world.instance();
    for (const now of [0, 1_000]) {
      world.now = now;
      await own.refused();
    }
    world.now = 2_000;
    await own.answered();
    expect(world.reports).toEqual([
      ['WafRefusedCall', 2, { budget: 'default' }],
      [
        'warn',
        expect.stringContaining('refused a call, but a later call passed'),
        { budget: 'default', stream: 'worker', refusals: 2 },
      ],
    ]);
  });

  test('a breaker that cannot be written is a warning with the reason, and no failure of the call', async () => {
    const { world } = openWorld();
    world.beforeWrite = async () => {
      throw Object.assign(new Error('secret text'), { name: 'TimeoutError' });
    };
    const own = world.instance();
    expect(await own.refused()).toMatchObject({ refused: 'call' });
    expect(world.reports).toEqual([
      [
        'warn',
        expect.stringContaining('could not be written'),
        { budget: 'default', stream: 'worker', reason: expect.stringContaining('TimeoutError') },
      ],
    ]);
    expect(JSON.stringify(world.reports)).not.toContain('secret text');
  });

  test('each suspicion is cleared by a write of its own', async () => {
    const { world } = openWorld();
    const own = world.instance();
    for (const now of [0, 10_000]) {
      world.now = now;
      await own.refused();
      world.now = now + 1;
      await own.answered();
      expect(await world.stored()).toEqual({ clearedAtMs: START_MS + now + 1 });
    }
  });
});

describe('instances that write at the same time', () => {
  test('count their refusals in a row: the one that comes too late writes once more', async () => {
    const { world } = openWorld();
    const [own, other] = [world.instance(), world.instance()];
    world.now = 1_000;
    await own.refused();
    world.now = 2_000;
    // It has not seen the first.
    await other.refused();
    expect(await world.stored()).toMatchObject({ refusals: 2, refusedAtMs: START_MS + 2_000 });
    expect(world.reports).toEqual([]);
  });

  test('give up after four writes, so that no answer waits for ever', async () => {
    const { world } = openWorld();
    world.beforeWrite = async () => {
      await world.write(await world.stored(), { refusals: 1, refusedAtMs: START_MS - 1_000 - world.writes });
    };
    world.now = 1_000;
    expect(await world.instance().refused()).toMatchObject({ refused: 'call' });
    expect(world.writes).toBe(4);
  });

  test('keep to themselves what they are not to tell', async () => {
    const { world } = openWorld();
    await world.instance({ tellsOthers: false }).refused();
    expect(world.writes).toBe(0);
  });
});

describe('when the next call may be made', () => {
  test('after a refusal of this call: after one to two times the rest, in whole milliseconds', async () => {
    const { world } = openWorld();
    expect(await world.instance().refused()).toEqual({
      refused: 'call',
      refusedAtMs: START_MS,
      refusedSinceMs: START_MS,
      retryAtMs: START_MS + 45_002,
    });
  });

  test('after a refusal of the address: within a second of the end of the pause', async () => {
    const { world } = openWorld();
    expect((await openBreaker(world)).last).toMatchObject({
      refused: 'address',
      retryAtMs: START_MS + 4_000 + 500,
    });
  });

  test.each([
    ['a pause that is over: now', -5_000, 0],
    ['a block of years: after the longest pause', 1e12, LONGEST_MS],
  ])('after %s', async (_, blockedUntil, expected) => {
    const { world, begun } = openWorld({ blockedUntilMs: START_MS + blockedUntil, openings: 1 });
    await begun;
    const own = world.instance();
    await own.look();
    expect(await own.refused()).toMatchObject({
      refused: 'address',
      retryAtMs: START_MS + expected + 500,
    });
  });
});

describe('what is believed of others', () => {
  test.each([
    ['as far ahead as two clocks may differ', 2 * ALLOWANCE_MS, true],
    ['further ahead', 2 * ALLOWANCE_MS + 1, false],
  ])('a success %s: %s', async (_, clearedAt, isBelieved) => {
    const { world, begun } = openWorld({ clearedAtMs: START_MS + clearedAt });
    await begun;
    const own = world.instance();
    await own.look();
    expect('clearedAtMs' in (await own.refused())).toBe(isBelieved);
  });

  test('a refusal as far ahead as two clocks may differ, and it hides one that was sent before it', async () => {
    const { world, begun } = openWorld({ refusals: 1, refusedAtMs: START_MS + 2 * ALLOWANCE_MS });
    await begun;
    const own = world.instance();
    await own.look();
    await own.refused();
    expect(world.writes).toBe(0);
  });
});

describe('what an instance does meanwhile', () => {
  test('it sends nothing for a second after its own refusal', async () => {
    const { world } = openWorld();
    const own = world.instance();
    expect(own.restsUntil()).toBeUndefined();
    await own.refused();
    world.now = 999;
    expect(own.restsUntil()).toEqual({ untilMs: START_MS + 1_000, isOpen: false });
    world.now = 1_000;
    expect(own.restsUntil()).toBeUndefined();
  });

  test('it sends nothing while the breaker is open, whoever was refused', async () => {
    const { world } = openWorld();
    await openBreaker(world);
    const other = world.instance();
    await other.look();
    expect(other.restsUntil()).toEqual({ untilMs: START_MS + 4_000, isOpen: true });
  });

  test('a reply that was under way while it wrote is older than what it wrote', async () => {
    const { world } = openWorld();
    const own = world.instance();
    const arrives = own.breaker.observe();
    await own.refused();
    arrives({});
    expect(own.breaker.state).toMatchObject({ refusals: 1 });
  });

  test('after an order to forget it, neither a block nor a reply that was under way holds it back', async () => {
    const { world } = openWorld();
    const { own } = await openBreaker(world);
    const arrives = own.breaker.observe();
    own.breaker.forget();
    arrives(await world.stored());
    expect(own.breaker.state).toEqual({});
    expect(own.restsUntil()).toBeUndefined();
  });

  test('a refusal is dated by its sending while the clock cannot be corrected', async () => {
    const { world } = openWorld();
    const own = world.instance({
      now: () => {
        throw new Error('no clock');
      },
    });
    expect(await own.refused(1_234)).toMatchObject({ refusedAtMs: START_MS + 1_234 });
  });
});
