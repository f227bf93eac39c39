import { describe, expect, test } from 'vitest';

import { type Conflict, type Mixture, mixtureStep, settingsName } from '../../../lib/budget/mixture.ts';
import { type BudgetOverrides, budgetSettings } from '../../../lib/budget/settings.ts';
import { openScene, START_MS, watch } from '../../fixtures/virtual-time/budget.ts';

const NOW = 1_000_000_000;
const OWN = budgetSettings({});
const SLOWER = budgetSettings({ worker: { intervalMs: 183, ticketLifeMs: 50_000 } });
const ROOMY = budgetSettings({ worker: { intervalMs: 175 } });
const SMALLER = budgetSettings({ limit: 1_940, worker: { intervalMs: 171 } });
/** A ticket of 50 s, taken at the end of a line of 30 s, and every allowance. */
const ALIVE_MS = 300_000 + 30_000 + 50_000 + 8_000 + 3_000;

const of = (settings: BudgetOverrides, mixture: Mixture | undefined, nowMs = NOW) =>
  mixtureStep(mixture, { stream: 'worker', settings: budgetSettings(settings), nowMs });
const used = (...settings: readonly (typeof OWN)[]): Mixture => {
  const names = settings.map(settingsName).sort();
  return { names: names.join(' '), usedAtMs: Object.fromEntries(names.map((name) => [name, NOW])) };
};

test('settings are named by all that counts for the bound', () => {
  expect(settingsName(OWN)).toBe('170/15000/30000/10000/100000/10000/2000');
});

describe('a caller', () => {
  const name = settingsName(OWN);

  test('whose settings alone are in use writes that it uses them', () => {
    const step = { seen: name, names: name, own: name, usedAtMs: NOW, dropped: [] };
    expect(of({}, used(OWN))).toEqual(step);
    // It takes them for the only ones while it knows nothing.
    expect(of({}, undefined)).toEqual(step);
  });

  test('of an item that says nothing of settings writes its own', () => {
    expect(of({}, { usedAtMs: {} })).toMatchObject({ seen: undefined, names: name });
    expect(of({}, { names: '', usedAtMs: {} })).toMatchObject({ names: name, dropped: [] });
  });

  test('whose settings fit beside others is listed with them', () => {
    const names = [name, settingsName(ROOMY)].sort().join(' ');
    expect(of({}, used(ROOMY))).toMatchObject({ seen: settingsName(ROOMY), names, own: name, dropped: [] });
  });

  test('whose shorter interval and whose longer life exceed the limit together gets no ticket until the others are gone', () => {
    const conflict: Conflict = { others: [settingsName(SLOWER)], untilMs: NOW + ALIVE_MS };
    expect(of({}, used(SLOWER))).toEqual(conflict);
    expect(of({}, used(SLOWER), NOW + ALIVE_MS - 1)).toEqual(conflict);
    expect(of({}, used(SLOWER), NOW + ALIVE_MS)).toMatchObject({
      names: name,
      dropped: [settingsName(SLOWER)],
    });
  });

  test('that is listed already goes on: those who came later have counted with it', () => {
    expect(of({}, used(OWN, SLOWER))).toMatchObject({ own: name, dropped: [] });
  });

  test('that two others stand in the way of waits for the later one', () => {
    const other = budgetSettings({ worker: { intervalMs: 183, ticketLifeMs: 60_000 } });
    const mixture = used(SLOWER, other);
    const usedAtMs = { ...mixture.usedAtMs, [settingsName(other)]: NOW - 100_000 };
    expect(of({}, { ...mixture, usedAtMs })).toMatchObject({ untilMs: NOW + ALIVE_MS });
  });

  test("of the minter's stream waits for the end of the others' tickets there", () => {
    const step = mixtureStep(used(SLOWER), { stream: 'minter', settings: OWN, nowMs: NOW });
    // A ticket of 100 s, taken at the end of a line of 10 s.
    expect(step).toMatchObject({ untilMs: NOW + 300_000 + 10_000 + 100_000 + 8_000 + 3_000 });
  });

  test('that was not heard of for so long is judged anew', () => {
    const mixture = { ...used(OWN, SLOWER), usedAtMs: { [name]: 0, [settingsName(SLOWER)]: NOW } };
    expect(of({}, mixture)).toMatchObject({ others: [settingsName(SLOWER)] });
    const aliveMs = 300_000 + 30_000 + 15_000 + 8_000 + 3_000;
    const lastUsed = (atMs: number) => ({ ...mixture, usedAtMs: { ...mixture.usedAtMs, [name]: atMs } });
    expect(of({}, lastUsed(NOW - aliveMs))).toHaveProperty('others');
    expect(of({}, lastUsed(NOW - aliveMs + 1))).toMatchObject({ own: name });
  });

  test('keeps the smallest limit of all', () => {
    expect(of({}, used(SMALLER))).toEqual(expect.objectContaining({ names: expect.any(String) }));
    expect(of({}, used(budgetSettings({ limit: 1_936 }), ROOMY))).toMatchObject({ own: name });
    const tight = budgetSettings({ limit: 1_935, worker: { intervalMs: 171 } });
    expect(of({}, used(tight))).toMatchObject({ others: [settingsName(tight)] });
  });

  test('counts what it cannot read as the worst', () => {
    for (const names of [
      'x',
      '1/2/3',
      '0/0/0/0/0/0/0',
      '-170/15000/30000/10000/100000/10000/2000',
      '170/0/30000/10000/100000/10000/2000',
    ]) {
      expect(of({}, { names, usedAtMs: { [names]: NOW } })).toMatchObject({ others: [names] });
    }
  });
});

describe('functions of two deployments on one counter', () => {
  const call = (scene: Awaited<ReturnType<typeof openScene>>, settings: typeof OWN, patienceMs = 1_000) =>
    scene
      .instance(undefined, settings)
      .openBook({ patienceMs: () => patienceMs })
      .attempt(() => true);

  test('with settings that do not go together: the new ones wait for the end of the old ones, and say when', async () => {
    const scene = await openScene();
    await call(scene, OWN);
    const error = await call(scene, SLOWER).catch((thrown: unknown) => thrown);
    const untilMs = START_MS + 300_000 + 30_000 + 15_000 + 8_000 + 3_000;
    // And half of the random delay of up to a line.
    expect(error).toMatchObject({ code: 'budget_settings_conflict', retryAtMs: untilMs + 10_000 });
    expect(scene.logged).toEqual([
      [
        'error',
        expect.stringContaining('functions with other settings use the same budget'),
        expect.objectContaining({ own: settingsName(SLOWER), others: settingsName(OWN) }),
      ],
    ]);
    await scene.time.run(untilMs + 1);
    expect(await call(scene, SLOWER)).toBe(true);
    // Now it is the old ones that wait.
    await expect(call(scene, OWN)).rejects.toMatchObject({ code: 'budget_settings_conflict' });
  });

  test('with settings that go together call side by side, each reservation in one write', async () => {
    const scene = await openScene();
    const [old, fresh] = [scene.instance(), scene.instance(undefined, ROOMY)];
    for (let calls = 0; calls < 20; calls += 1) {
      for (const budget of [old, fresh]) {
        await budget.openBook({ patienceMs: () => 0 }).attempt(() => true);
        await scene.time.run(scene.time.now() + 500);
      }
    }
    const { mixture } = await scene.memory.read('worker');
    expect(mixture.names?.split(' ')).toHaveLength(2);
    expect(scene.asked.length).toBeLessThan(60);
  });

  test('report a conflict once, however many calls wait for its end', async () => {
    const scene = await openScene();
    await call(scene, OWN);
    const budget = scene.instance(undefined, SLOWER);
    for (let calls = 0; calls < 5; calls += 1) {
      const refused = watch(budget.openBook({ patienceMs: () => 0 }).attempt(() => true));
      await scene.time.run(scene.time.now() + 1_000);
      expect(refused.error).toMatchObject({ code: 'budget_settings_conflict' });
    }
    expect(scene.logged).toHaveLength(1);
  });
});
