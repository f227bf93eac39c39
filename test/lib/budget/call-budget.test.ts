import { describe, expect, test } from 'vitest';

import { openScene, START_MS, watch } from '../../fixtures/virtual-time/budget.ts';

describe('a new counter', () => {
  test('stays silent past every ticket that could be alive, then serves', async () => {
    const scene = await openScene({ begun: false });
    const book = scene.instance().openBook({ patienceMs: () => 60_000 });
    const attempt = watch(book.attempt(() => scene.elapsed()));
    await scene.time.run(START_MS + 60_000);
    expect(attempt.value).toBe(37_000);
  });

  test('tells a caller with less patience when to come back', async () => {
    const scene = await openScene({ begun: false });
    const attempt = scene
      .instance()
      .openBook({ patienceMs: () => 5_000 })
      .attempt(() => true);
    // Its five seconds before the first ticket, and half of the random delay of up to a horizon.
    await expect(attempt).rejects.toMatchObject({
      code: 'budget_exhausted',
      retryAtMs: START_MS + 37_000 - 5_000 + 10_000,
    });
  });

  test('deleted while tickets are out, it re-issues none of them', async () => {
    const scene = await openScene();
    const first = scene.instance().openBook({ calls: 10, patienceMs: () => 20_000 });
    await first.attempt(() => true);
    scene.memory.remove('worker');
    const second = scene.instance().openBook({ patienceMs: () => 60_000 });
    const attempt = watch(second.attempt(() => scene.elapsed()));
    await scene.time.run(START_MS + 60_000);
    expect(attempt.value).toBeGreaterThanOrEqual(37_000);
  });
});

describe('a full counter', () => {
  const LINE_MS = 19_500;
  const full = async () => {
    const scene = await openScene({ begun: false });
    await scene.memory.init('worker', { nextMs: START_MS + LINE_MS });
    return scene;
  };

  test.each([1, 10])(
    'grants %i of 10 tickets as soon as ten fit into its line, and no part before',
    async (calls) => {
      const scene = await full();
      const book = scene.instance().openBook({ calls, patienceMs: () => 60_000 });
      const attempt = watch(book.attempt(() => scene.elapsed()));
      // When the line of 20 s has room for ten tickets again, and half of the random delay later.
      const grantedMs = LINE_MS + 9 * 170 - 20_000 + 10_000;
      await scene.time.run(START_MS + grantedMs - 1);
      expect(scene.sum('TicketsGranted')).toBe(0);
      await scene.time.run(START_MS + grantedMs);
      expect(scene.sum('TicketsGranted')).toBe(calls);
      await scene.time.run(START_MS + 60_000);
      expect(attempt.value).toBe(LINE_MS);
      expect(scene.asked).toEqual(['take', 'take']);
    },
  );

  test('refuses with the moment to come back, and is not asked again before it', async () => {
    const scene = await full();
    const budget = scene.instance();
    const open = () => budget.openBook({ calls: 10, patienceMs: () => 10_000 });
    const refused = { code: 'budget_exhausted', retryAtMs: START_MS + 19_500 + 9 * 170 - 10_000 + 10_000 };
    await expect(open().attempt(() => true)).rejects.toMatchObject(refused);
    await scene.time.run(START_MS + 5_000);
    // Others of the instance come back a random time after that, and lengthen no spread: nothing new was learnt.
    const again = { code: 'budget_exhausted', retryAtMs: refused.retryAtMs + 10_000 };
    await expect(open().attempt(() => true)).rejects.toMatchObject(again);
    await expect(open().attempt(() => true)).rejects.toMatchObject(again);
    expect(scene.asked).toEqual(['take']);
    await scene.time.run(refused.retryAtMs);
    expect(await open().attempt(() => 'sent')).toBe('sent');
  });

  test('a caller with more patience is not held up by the refusal of one with less', async () => {
    const scene = await full();
    const budget = scene.instance();
    const hasty = budget.openBook({ patienceMs: () => 1_000 }).attempt(() => true);
    await expect(hasty).rejects.toMatchObject({ code: 'budget_exhausted' });
    const patient = watch(budget.openBook({ patienceMs: () => 60_000 }).attempt(() => scene.elapsed()));
    await scene.time.run(START_MS + 60_000);
    expect(patient.value).toBeLessThan(25_000);
  });

  test('all who wait in one book learn of one refusal', async () => {
    const scene = await full();
    const book = scene.instance().openBook({ patienceMs: () => 1_000 });
    const all = await Promise.allSettled(Array.from({ length: 5 }, () => book.attempt(() => true)));
    expect(all.every(({ status }) => status === 'rejected')).toBe(true);
    expect(scene.asked).toEqual(['take']);
    expect(scene.sum('TicketsRefused')).toBe(1);
  });
});

describe('an engine that is away', () => {
  test('fails closed with a retryable error that repeats nothing; tickets in hand stay valid', async () => {
    const scene = await openScene();
    const budget = scene.instance();
    const book = budget.openBook({ calls: 2, patienceMs: () => 20_000 });
    await book.attempt(() => true);
    scene.away = true;
    expect(await book.attempt(() => 'in hand')).toBe('in hand');
    const error: unknown = await book.attempt(() => true).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'budget_unavailable', retryAtMs: START_MS + 15_000 });
    expect(String(error)).not.toContain('secret text');
    scene.away = false;
    expect(await book.attempt(() => 'back')).toBe('back');
  });
});

test('settings that cannot work are refused at construction', async () => {
  const scene = await openScene({ settings: { limit: 1_900 } });
  expect(() => scene.instance()).toThrow('up to 1936 calls');
});

describe('patience', () => {
  test('zero patience takes only tickets that are valid now, also after a pause', async () => {
    const scene = await openScene();
    await scene
      .instance()
      .openBook({ calls: 10, patienceMs: () => 0 })
      .attempt(() => true);
    // A burst of a second, at 170 ms each.
    expect(scene.sum('TicketsGranted')).toBe(6);
  });

  test('holds although others have moved the counter on since it was seen', async () => {
    const scene = await openScene();
    const budget = scene.instance();
    const open = () => budget.openBook({ calls: 10, patienceMs: () => 20_000 });
    await open().attempt(() => true);
    const { nextMs = 0 } = await scene.memory.read('worker');
    scene.memory.moveTo('worker', nextMs + 170 * 110);
    watch(open().attempt(() => true));
    await scene.time.run(START_MS);
    expect((await scene.memory.read('worker')).nextMs).toBeLessThanOrEqual(START_MS + 20_000 + 170);
  });
});

describe('a counter that stands further ahead than anybody can have moved it', () => {
  test.each([
    // Twice the longest line, two clocks' allowances and the network's delay.
    ['worker', 2 * (30_000 + 4_000 + 3_000)],
    ['minter', 2 * (10_000 + 4_000 + 3_000)],
  ] as const)(
    'is reported once a window, and one of the longest line is not: %s',
    async (stream, latestMs) => {
      const scene = await openScene();
      const ask = async () => {
        const book =
          stream === 'worker'
            ? scene.instance().openBook({ patienceMs: () => 0 })
            : scene.minter().openBook({ kind: 'check', patienceMs: () => 0 });
        await book.attempt(() => true).catch(() => {});
      };
      scene.memory.moveTo(stream, START_MS + latestMs);
      await ask();
      expect(scene.sum('CounterImplausible')).toBe(0);
      scene.memory.moveTo(stream, START_MS + latestMs + 1);
      await ask();
      expect(scene.sum('CounterImplausible')).toBe(1);
      expect(scene.logged.at(-1)).toEqual([
        'error',
        expect.stringContaining('delete its item'),
        expect.objectContaining({ item: `budget#default#${stream}`, until: expect.any(String) }),
      ]);
    },
  );

  test('is healed by the deletion of its item: calls resume within a minute', async () => {
    const scene = await openScene();
    scene.memory.moveTo('worker', 253_370_764_800_000);
    const budget = scene.instance();
    const call = () => budget.openBook({ patienceMs: () => 60_000 }).attempt(() => scene.elapsed());
    await expect(call()).rejects.toMatchObject({ code: 'budget_exhausted' });
    scene.memory.remove('worker');
    const another = watch(
      scene
        .instance()
        .openBook({ patienceMs: () => 60_000 })
        .attempt(() => scene.elapsed()),
    );
    await scene.time.run(START_MS + 60_000);
    expect(another.value).toBe(37_000);
  });
});

test('a counter that a wrong clock has set far ahead is believed for a window, and asked again then', async () => {
  const scene = await openScene({ begun: false });
  await scene.memory.init('worker', { nextMs: START_MS + 86_400_000 });
  const budget = scene.instance();
  const refused = await budget
    .openBook({ patienceMs: () => 1_000 })
    .attempt(() => true)
    .catch((error: unknown) => error);
  const { windowMs, worker } = scene.settings;
  expect((refused as { retryAtMs: number }).retryAtMs).toBeLessThanOrEqual(
    START_MS + windowMs + worker.horizonMs,
  );
  scene.memory.remove('worker');
  await scene.time.run(START_MS + 400_000);
  const again = watch(budget.openBook({ patienceMs: () => 60_000 }).attempt(() => 'sent'));
  await scene.time.run(START_MS + 460_000);
  expect(again.value).toBe('sent');
});

test('a grant makes the next refusal spread no further than the first', async () => {
  const scene = await openScene();
  const budget = scene.instance();
  const call = () => budget.openBook({ patienceMs: () => 0 }).attempt(() => true);
  for (let rounds = 0; rounds < 3; rounds += 1) {
    const nextMs = scene.time.now() + 30_000;
    scene.memory.moveTo('worker', nextMs);
    const retryAtMs = nextMs + 10_000;
    await expect(call()).rejects.toMatchObject({ code: 'budget_exhausted', retryAtMs });
    scene.memory.moveTo('worker', scene.time.now());
    await scene.time.run(retryAtMs);
    expect(await call()).toBe(true);
  }
});

test.each([
  ['is waited for by a caller whose last moment is that of its ticket', 20_000, 20_000, undefined],
  ['that is past the patience of a caller is not waited for', 20_001, undefined, 'budget_exhausted'],
])('a counter that %s', async (_, aheadMs, sentAfterMs, code) => {
  const scene = await openScene();
  scene.memory.moveTo('worker', START_MS + aheadMs);
  const attempt = watch(
    scene
      .instance()
      .openBook({ patienceMs: () => 20_000 })
      .attempt(() => scene.elapsed()),
  );
  await scene.time.run(START_MS + 1);
  expect((attempt.error as { code?: string } | undefined)?.code).toBe(code);
  await scene.time.run(START_MS + 20_000);
  expect(attempt.value).toBe(sentAfterMs);
});
