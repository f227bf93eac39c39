import { describe, expect, test } from 'vitest';

import { lentLine } from '../../../lib/budget/lines.ts';
import type { MintBudget, MintRequestKind } from '../../../lib/budget/mint-budget.ts';
import { DEFAULT_BUDGET_SETTINGS } from '../../../lib/budget/settings.ts';
import { openScene, START_MS, watch } from '../../fixtures/virtual-time/budget.ts';
import { createRandom } from '../../simulation/random.ts';

const KINDS: readonly MintRequestKind[] = ['renewal', 'forced', 'first', 'retry', 'check', 'inspection'];

/** One request that waits for its ticket no longer than that. */
function request(budget: MintBudget, kind: MintRequestKind, patienceMs = 0) {
  return budget.openBook({ kind, patienceMs: () => patienceMs }).attempt(() => kind);
}

describe("the minter's stream", () => {
  /** What is left of it: its oldest ticket has been valid for so long. */
  const withTicketsOf = async (ageMs: number) => {
    const scene = await openScene();
    scene.memory.moveTo('minter', START_MS - ageMs);
    // No worker's ticket is left for the minter either.
    scene.memory.moveTo('worker', START_MS + 40_000);
    return scene;
  };

  test.each([
    [90_000, KINDS],
    [89_999, ['renewal', 'forced', 'first', 'retry', 'check']],
    [60_000, ['renewal', 'forced', 'first', 'retry', 'check']],
    [59_999, ['renewal', 'forced', 'first']],
    [20_000, ['renewal', 'forced', 'first']],
    [19_999, ['renewal', 'forced']],
    [0, ['renewal', 'forced']],
  ] as const)('serves at once, when its oldest ticket is %i ms old: %j', async (ageMs, served) => {
    for (const kind of KINDS) {
      const scene = await withTicketsOf(ageMs);
      const outcome = await request(scene.minter(), kind).catch(({ code }) => code);
      expect([kind, outcome]).toEqual([
        kind,
        (served as readonly string[]).includes(kind) ? kind : 'budget_exhausted',
      ]);
    }
  });

  test('lets a renewal stand in line for ten seconds, and no other kind', async () => {
    for (const kind of KINDS) {
      const scene = await withTicketsOf(-10_000);
      const waiting = watch(request(scene.minter(), kind, 10_000));
      await scene.time.run(START_MS + 10_000);
      expect([kind, waiting.value ?? (waiting.error as { code: string }).code]).toEqual([
        kind,
        kind === 'renewal' ? kind : 'budget_exhausted',
      ]);
    }
  });

  test('keeps eight tickets for others, however often the inspector asks', async () => {
    const scene = await openScene();
    const inspector = scene.minter({ tellsBreaker: false });
    for (let seconds = 0; seconds < 600; seconds += 1) {
      await request(inspector, 'inspection').catch(() => {});
      await scene.time.run(START_MS + 1_000 * seconds);
    }
    const minter = scene.minter();
    const served: unknown[] = [];
    for (let requests = 0; requests < 9; requests += 1) {
      served.push(await request(minter, 'forced').catch(({ code }) => code));
    }
    expect(served.filter((outcome) => outcome === 'forced').length).toBeGreaterThanOrEqual(8);
    expect(scene.asked).not.toContain('take');
  });
});

describe("the workers' stream", () => {
  test("gives at once what the minter's has none left of, to renewals, first and forced mints alone", async () => {
    for (const kind of KINDS) {
      const scene = await openScene();
      scene.memory.moveTo('minter', START_MS + 60_000);
      const outcome = await request(scene.minter(), kind).catch(({ code }) => code);
      expect([kind, outcome]).toEqual([
        kind,
        ['renewal', 'forced', 'first'].includes(kind) ? kind : 'budget_exhausted',
      ]);
    }
  });

  test("has a line for the minter that is half as long again as the workers', so none of them shuts it out", async () => {
    expect(lentLine(DEFAULT_BUDGET_SETTINGS)).toMatchObject({ aheadMs: 30_000, maxBlock: 1 });
    const scene = await openScene();
    scene.memory.moveTo('minter', START_MS + 60_000);
    scene.memory.moveTo('worker', START_MS + 20_000);
    const worker = watch(
      scene
        .instance()
        .openBook({ patienceMs: () => 0 })
        .attempt(() => 'called'),
    );
    const minted = watch(request(scene.minter(), 'first', 45_000));
    await scene.time.run(START_MS + 20_000);
    expect(worker.error).toMatchObject({ code: 'budget_exhausted' });
    expect(minted.value).toBe('first');
  });

  test('is not asked while the minter rests: its own breaker holds for the tickets of both', async () => {
    const scene = await openScene();
    const next = { refusedAtMs: START_MS, blockedUntilMs: START_MS + 4_000, openings: 3 };
    await scene.memory.replaceBreaker('minter', { seen: {}, next });
    await expect(request(scene.minter(), 'forced')).rejects.toMatchObject({ code: 'budget_blocked' });
    expect(scene.asked).toEqual(["take of the minter's"]);
  });

  test('gives none while its own breaker is not closed: no request for a token is a probe of the API', async () => {
    for (const blockedUntilMs of [START_MS + 4_000, START_MS - 1_000]) {
      const scene = await openScene();
      scene.memory.moveTo('minter', START_MS + 60_000);
      const next = { refusedAtMs: START_MS - 9_000, blockedUntilMs, openings: 3 };
      await scene.memory.replaceBreaker('worker', { seen: {}, next });
      await expect(request(scene.minter(), 'forced')).rejects.toMatchObject({ code: 'budget_blocked' });
      expect((await scene.memory.read('worker')).breaker).toEqual(next);
    }
  });
});

test('two hundred first mints, 64 at a time beside saturated workers, have their tickets within two minutes', async () => {
  const scene = await openScene();
  const random = createRandom(1);
  const call = async (): Promise<void> => {
    for (;;) {
      const book = scene.instance().openBook({ calls: 10, patienceMs: () => 20_000 });
      for (let calls = 0; calls < 10; calls += 1) {
        await book.attempt(() => true).catch(() => {});
      }
      await new Promise<void>((resolve) =>
        scene.time.at(scene.time.now() + random.between(0, 5_000), resolve),
      );
    }
  };
  for (let workers = 0; workers < 20; workers += 1) void call();
  await scene.time.run(START_MS + 60_000);
  const minter = scene.minter();
  let sent = 0;
  const startMs = scene.time.now();
  const mint = async (): Promise<void> => {
    while (sent < 200) {
      const done = await request(minter, 'first', 45_000).catch(() => undefined);
      if (done === undefined)
        await new Promise<void>((resolve) => scene.time.at(scene.time.now() + 1_000, resolve));
      else sent += 1;
    }
  };
  for (let parallel = 0; parallel < 64; parallel += 1) void mint();
  await scene.time.run(startMs + 120_000);
  expect(sent).toBeGreaterThanOrEqual(200);
});
