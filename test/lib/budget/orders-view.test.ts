import { describe, expect, test } from 'vitest';

import type { BudgetOrders } from '../../../lib/budget/orders.ts';
import { createOrdersView } from '../../../lib/budget/orders-view.ts';
import { oneTurn } from '../../fixtures/virtual-time/time.ts';

const START_MS = 1_000_000_000;
const PAUSE = { untilMs: START_MS + 3_600_000, orderedAtMs: START_MS, reason: 'r', by: 'ada', minter: false };

/** A view whose time is moved, and whose reads are counted, by the test. */
function openView() {
  const world = {
    now: 0,
    orders: {} as BudgetOrders,
    reads: 0,
    isAway: false,
    lifts: 0,
    logged: [] as unknown[],
    /** A read takes until then. */
    reading: Promise.resolve(),
  };
  const now = () => START_MS + world.now;
  const view = createOrdersView({
    reader: {
      async read() {
        world.reads += 1;
        await world.reading;
        if (world.isAway) throw Object.assign(new Error('secret text'), { name: 'TimeoutError' });
        return world.orders;
      },
    },
    budget: 'default',
    clock: { now, localNow: now, isSteady: () => true, sleep: async () => {} },
    telemetry: { metric: () => {}, log: (...line) => world.logged.push(line) },
    onLifted() {
      world.lifts += 1;
    },
  });
  /** What a look beside a call began has ended afterwards. */
  const look = async (isReserving?: boolean): Promise<'before' | 'beside' | 'none'> => {
    const { reads } = world;
    const looking = view.look(isReserving);
    await (looking ?? oneTurn());
    if (looking !== undefined) return 'before';
    return world.reads > reads ? 'beside' : 'none';
  };
  return { world, view, look, at: (ms: number) => Object.assign(world, { now: ms }) };
}

describe('orders are looked at', () => {
  test('before the first call, and then neither before nor beside the next', async () => {
    const { look } = openView();
    expect(await look()).toBe('before');
    expect(await look()).toBe('none');
  });

  test.each([
    [5_000, 'none'],
    [5_001, 'beside'],
    [9_000, 'beside'],
    [9_001, 'before'],
  ])('%i ms after the counter was last heard: %s a call', async (ms, expected) => {
    const { look, view, at } = openView();
    await look();
    at(20_000);
    view.hear(undefined);
    at(20_000 + ms);
    expect(await look()).toBe(expected);
  });

  test('every minute beside a call, although the counter is heard all the time', async () => {
    const { look, view, at } = openView();
    await look();
    at(60_000);
    view.hear(undefined);
    expect(await look()).toBe('none');
    at(60_001);
    expect(await look()).toBe('beside');
    expect(await look()).toBe('none');
  });

  test('before the first reservation too, which could only tell of an order by taking tickets', async () => {
    expect(await openView().look(true)).toBe('before');
  });

  test('not before a reservation, which tells of orders, unless a pause stops that too', async () => {
    const { world, look, at } = openView();
    await look();
    at(20_000);
    expect(await look(true)).toBe('none');
    expect(await look(false)).toBe('before');
    at(40_000);
    world.orders = { pause: PAUSE };
    await look();
    at(60_000);
    expect(await look(true)).toBe('before');
  });

  test('before a call, once, when the counter tells of a new order', async () => {
    const { look, view } = openView();
    view.hear(START_MS - 1_000);
    await look();
    view.hear(START_MS - 1_000);
    expect(await look()).toBe('none');
    view.hear(START_MS);
    view.hear(START_MS - 1_000);
    expect(await look()).toBe('before');
    expect(await look()).toBe('none');
  });

  test('again, if the counter has told of another order during the look', async () => {
    const { world, look, view } = openView();
    await look();
    const answer = Promise.withResolvers<void>();
    world.reading = answer.promise;
    view.hear(START_MS);
    const looking = look();
    view.hear(START_MS + 1);
    answer.resolve();
    expect(await looking).toBe('before');
    expect(await look()).toBe('before');
    expect(await look()).toBe('none');
  });

  test('by one read for all calls that wait for it', async () => {
    const { world, view } = openView();
    await Promise.all([view.look(), view.look()]);
    expect(world.reads).toBe(1);
  });
});

describe('orders that cannot be read', () => {
  test('fail the first call, and are looked at again before the second', async () => {
    const { world, look } = openView();
    world.isAway = true;
    await expect(look()).rejects.toThrow();
    world.isAway = false;
    expect(await look()).toBe('before');
    expect(world.logged).toEqual([]);
  });

  test('leave later calls what was known, and are a warning with the reason', async () => {
    const { world, view, look, at } = openView();
    world.orders = { pause: PAUSE };
    await look();
    world.isAway = true;
    at(9_001);
    expect(await look()).toBe('before');
    expect(view.active()).toEqual({ pause: PAUSE });
    expect(world.logged).toEqual([
      [
        'warn',
        expect.stringContaining('orders could not be read'),
        { budget: 'default', reason: 'TimeoutError' },
      ],
    ]);
  });
});

test('a lift is told once, and not to an instance that knows of no block from before it', async () => {
  const { world, look, at } = openView();
  world.orders = { liftedAtMs: START_MS };
  await look();
  expect(world.lifts).toBe(0);
  at(10_000);
  await look();
  expect(world.lifts).toBe(0);
  world.orders = { liftedAtMs: START_MS + 5_000 };
  at(20_000);
  await look();
  at(30_000);
  await look();
  expect(world.lifts).toBe(1);
});

test('orders that have ended do not hold', async () => {
  const { world, view, look, at } = openView();
  world.orders = { pause: PAUSE };
  await look();
  expect(view.active()).toEqual({ pause: PAUSE });
  at(3_600_000);
  expect(view.active()).toEqual({});
});
