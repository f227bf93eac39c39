import { describe, expect, test } from 'vitest';

import type { CallBudget } from '../../../lib/budget/call-budget.ts';
import type { PauseOrder, SlowOrder } from '../../../lib/budget/orders.ts';
import { openScene, START_MS, watch } from '../../fixtures/virtual-time/budget.ts';
import { rollingWindow } from '../../simulation/rolling-window.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;

type Scene = Awaited<ReturnType<typeof openScene>>;

const order = (minutes: number) => ({
  untilMs: START_MS + minutes * MINUTE_MS,
  orderedAtMs: START_MS,
  reason: 'maintenance',
  by: 'arn',
});
const pause = (minutes = 30, minter = false): PauseOrder => ({ ...order(minutes), minter });
const slow = (share: number, minutes = 60): SlowOrder => ({ ...order(minutes), share });

/** As the operator's function does: the item, and a note in the counters. */
function give(scene: Scene, orders: Scene['orders'], isNoted = true): void {
  scene.orders = orders;
  if (isNoted) scene.memory.noteOrder(scene.time.now());
}

const call = (budget: CallBudget, patienceMs = 0) =>
  budget.openBook({ patienceMs: () => patienceMs }).attempt(() => 'called');

describe('a pause', () => {
  test('is known to a cold instance before its first call', async () => {
    const scene = await openScene();
    give(scene, { pause: pause() }, false);
    const error = await call(scene.instance()).catch((thrown: unknown) => thrown);
    // Back in 45 s at the latest, to see whether the pause was ended.
    expect(error).toMatchObject({
      code: 'budget_paused',
      retryAtMs: START_MS + 40_500 + 2_250,
    });
    expect([scene.looks, scene.asked]).toEqual([1, []]);
  });

  test('is looked at once by an instance that goes on calling, and not before its calls', async () => {
    const scene = await openScene();
    const budget = scene.instance();
    for (let calls = 0; calls < 50; calls += 1) {
      await call(budget);
      await scene.time.run(scene.time.now() + SECOND_MS);
    }
    expect(scene.looks).toBe(1);
    for (let calls = 0; calls < 50; calls += 1) {
      await call(budget);
      await scene.time.run(scene.time.now() + SECOND_MS);
    }
    expect(scene.looks).toBe(2);
  });

  test('costs an instance that calls now and then no read: its reservations tell of orders', async () => {
    const scene = await openScene();
    const budget = scene.instance();
    for (let calls = 0; calls < 5; calls += 1) {
      await call(budget);
      await scene.time.run(scene.time.now() + 11 * SECOND_MS);
    }
    expect(scene.looks).toBe(1);
    give(scene, { pause: pause() });
    await expect(call(budget)).rejects.toMatchObject({ code: 'budget_paused' });
  });

  test('stops a warm instance with its next reservation, before a call on it', async () => {
    const scene = await openScene();
    const budget = scene.instance();
    await call(budget);
    give(scene, { pause: pause() });
    await expect(call(budget)).rejects.toMatchObject({ code: 'budget_paused' });
    expect(scene.sum('TicketWait')).toBe(0);
  });

  test('stops a warm instance that holds tickets within ten seconds, and drops them', async () => {
    const scene = await openScene();
    const budget = scene.instance();
    const book = budget.openBook({ calls: 10, patienceMs: () => 0 });
    await book.attempt(() => true);
    give(scene, { pause: pause() });
    await scene.time.run(START_MS + 4 * SECOND_MS);
    expect(await book.attempt(() => 'sent')).toBe('sent');
    await scene.time.run(START_MS + 10 * SECOND_MS);
    await expect(book.attempt(() => 'sent')).rejects.toMatchObject({ code: 'budget_paused' });
  });

  test('is found within a minute if the note of it is gone from the counter', async () => {
    const scene = await openScene();
    const budget = scene.instance();
    await call(budget);
    give(scene, { pause: pause() }, false);
    let lastMs = 0;
    for (; scene.elapsed() < 2 * MINUTE_MS; await scene.time.run(scene.time.now() + SECOND_MS)) {
      if ((await call(budget).catch(() => undefined)) !== undefined) lastMs = scene.elapsed();
    }
    expect(lastMs).toBeLessThanOrEqual(MINUTE_MS + SECOND_MS);
  });

  test('ends by itself at its moment, and its calls come back then', async () => {
    const scene = await openScene();
    give(scene, { pause: pause(2) }, false);
    const waiting = watch(
      scene
        .instance()
        .openBook({ patienceMs: () => 5 * MINUTE_MS })
        .attempt(() => scene.elapsed()),
    );
    await scene.time.run(START_MS + 5 * MINUTE_MS);
    expect(waiting.value).toBeGreaterThanOrEqual(2 * MINUTE_MS);
    expect(waiting.value).toBeLessThanOrEqual(2 * MINUTE_MS + 5 * SECOND_MS);
  });

  test('that is ended lets calls come back within a minute', async () => {
    const scene = await openScene();
    const budget = scene.instance();
    give(scene, { pause: pause() }, false);
    const error = await call(budget).catch((thrown: unknown) => thrown);
    give(scene, {});
    await scene.time.run((error as { retryAtMs: number }).retryAtMs);
    expect(scene.elapsed()).toBeLessThanOrEqual(MINUTE_MS);
    expect(await call(budget)).toBe('called');
  });

  test.each([
    [false, 'renewal'],
    [true, 'budget_paused'],
  ])('that is for the minter too (%s) leaves a renewal: %s', async (minter, outcome) => {
    const scene = await openScene();
    give(scene, { pause: pause(30, minter) }, false);
    const request = (budget = scene.minter()) =>
      budget
        .openBook({ kind: 'renewal', patienceMs: () => 0 })
        .attempt(() => 'renewal')
        .catch(({ code }) => code);
    expect(await request()).toBe(outcome);
    // From the workers' stream as well.
    scene.memory.moveTo('minter', START_MS + MINUTE_MS);
    expect(await request()).toBe(outcome);
  });

  test('that cannot be read stops a cold instance, and leaves a warm one what it knew', async () => {
    const scene = await openScene();
    const warm = scene.instance();
    const book = warm.openBook({ calls: 2, patienceMs: () => 0 });
    await book.attempt(() => true);
    scene.away = true;
    await expect(call(scene.instance())).rejects.toMatchObject({ code: 'budget_unavailable' });
    await scene.time.run(START_MS + 12 * SECOND_MS);
    expect(await book.attempt(() => 'in hand')).toBe('in hand');
    expect(scene.logged).toContainEqual([
      'warn',
      expect.stringContaining('orders could not be read'),
      expect.anything(),
    ]);
  });
});

describe('a slowed stream', () => {
  test.each([0.25, 0.05, 0.01])('makes that share of its calls: %d', async (share) => {
    const scene = await openScene();
    give(scene, { slow: slow(share) }, false);
    const sentMs: number[] = [];
    const work = async (): Promise<void> => {
      const budget = scene.instance();
      for (;;) {
        const book = budget.openBook({ calls: 10, patienceMs: () => 30 * MINUTE_MS });
        for (let calls = 0; calls < 10; calls += 1) await book.attempt(() => sentMs.push(scene.elapsed()));
        book.close();
      }
    };
    for (let workers = 0; workers < 5; workers += 1) void work().catch(() => {});
    await scene.time.run(START_MS + 40 * MINUTE_MS);
    const intervalMs = 170 / share;
    const perMs = sentMs.length / (40 * MINUTE_MS);
    expect(perMs * intervalMs).toBeGreaterThan(0.9);
    expect(perMs * intervalMs).toBeLessThan(1.1);
    // The bound's formula, with a window of a minute.
    const bound = Math.floor((MINUTE_MS + 15_000 + 4_000 + 3_000) / intervalMs) + 1;
    expect(rollingWindow(sentMs, MINUTE_MS, bound).largest).toBeLessThanOrEqual(bound);
  });

  test('leaves the minter its own rate', async () => {
    const scene = await openScene();
    give(scene, { slow: slow(0.01) }, false);
    const budget = scene.minter();
    const renew = () => budget.openBook({ kind: 'renewal', patienceMs: () => 0 }).attempt(() => true);
    for (let renewals = 0; renewals < 9; renewals += 1) expect(await renew()).toBe(true);
  });
});

test("an operator's lift lets a warm instance probe within ten seconds, whatever it remembers of the block", async () => {
  const scene = await openScene();
  const budget = scene.instance();
  await call(budget);
  const blocked = { refusedAtMs: START_MS, blockedUntilMs: START_MS + 45_000, openings: 7 };
  await scene.memory.replaceBreaker('worker', { seen: {}, next: blocked });
  await expect(call(budget)).rejects.toMatchObject({ code: 'budget_blocked' });
  const half = { ...blocked, blockedUntilMs: START_MS };
  await scene.memory.replaceBreaker('worker', { seen: blocked, next: half });
  give(scene, { liftedAtMs: START_MS }, false);
  await scene.time.run(START_MS + 10 * SECOND_MS);
  expect(await call(budget)).toBe('called');
  expect(scene.asked.at(-1)).toBe('probe');
});
