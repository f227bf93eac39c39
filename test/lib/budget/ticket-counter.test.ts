import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createMemoryTicketCounter } from '../../../infra/testing/memory-ticket-counter.ts';
import { createCallBudget } from '../../../lib/budget/call-budget.ts';
import { createDynamoTicketCounter } from '../../../lib/budget/dynamo-ticket-counter.ts';
import type { MixtureStep } from '../../../lib/budget/mixture.ts';
import type { CounterReply, CounterState, TicketCounter } from '../../../lib/budget/ticket-counter.ts';
import { shouldPostpone } from '../../../lib/errors.ts';
import { systemClock } from '../../../lib/platform/clock.ts';
import { ABUNDANT_BUDGET } from '../../fixtures/abundant-budget.ts';
import { startTable } from '../../fixtures/table.ts';
import { silentTelemetry } from '../../fixtures/telemetry.ts';
import { FIRST_MIXTURE, ONLY_MIXTURE } from '../../fixtures/virtual-time/mixture.ts';
import { clientOf, ModelTable } from '../../model/table.ts';

/** A state without what it says of settings and orders. */
const coreOf = ({ nextMs, breaker }: CounterState) => ({ ...(nextMs !== undefined && { nextMs }), breaker });
const core = ({ applied, state }: CounterReply) => ({ applied, state: coreOf(state) });

/** One contract, two engines: what the simulation proves of one holds for the other. */
type Open = (name: string) => TicketCounter;

const engines: Record<string, () => Promise<{ open: Open; stop(): Promise<void> }>> = {
  memory: async () => ({ open: () => createMemoryTicketCounter(), stop: async () => {} }),
  DynamoDB: async () => {
    const { dynamodb, table, stop } = await startTable();
    return { open: (name) => createDynamoTicketCounter({ dynamodb, table, settings: { name } }), stop };
  },
  // What the explorer's proofs stand on.
  'the model': async () => {
    const table = new ModelTable();
    const dynamodb = clientOf(async (command, input) => table.answer(command, input));
    return {
      open: (name) => createDynamoTicketCounter({ dynamodb, table: 'table', settings: { name } }),
      stop: async () => dynamodb.destroy(),
    };
  },
};

describe.each(Object.entries(engines))('the counter in %s', (_, start) => {
  let engine: Awaited<ReturnType<typeof start>>;
  let budgets = 0;
  const fresh = (): TicketCounter => {
    budgets += 1;
    return engine.open(`budget-${budgets}`);
  };
  const at = async (nextMs: number): Promise<TicketCounter> => {
    const counter = fresh();
    await counter.init('worker', { nextMs });
    return counter;
  };

  beforeAll(async () => {
    engine = await start();
  });
  afterAll(() => engine.stop());

  test('is not there at first: nothing can be taken or skipped', async () => {
    const counter = fresh();
    expect(coreOf(await counter.read('worker'))).toEqual({ breaker: {} });
    const step = { advanceMs: 10, floorMs: 0, ceilMs: 1_000, mixture: FIRST_MIXTURE };
    expect(core(await counter.take('worker', step))).toEqual({ applied: false, state: { breaker: {} } });
    const skip = { nextMs: 10, floorMs: 1_000, mixture: FIRST_MIXTURE };
    expect(core(await counter.skip('worker', skip))).toEqual({ applied: false, state: { breaker: {} } });
  });

  test('begins once', async () => {
    const counter = fresh();
    const first = await counter.init('worker', { nextMs: 5_000 });
    expect(core(first)).toEqual({ applied: true, state: { nextMs: 5_000, breaker: {} } });
    const second = await counter.init('worker', { nextMs: 9_000 });
    expect(core(second)).toEqual({ applied: false, state: { nextMs: 5_000, breaker: {} } });
    expect(coreOf(await counter.read('worker'))).toEqual({ nextMs: 5_000, breaker: {} });
  });

  test.each([
    ['at the floor', 5_000, 9_000, true],
    ['at the ceiling', 1_000, 5_000, true],
    ['below the floor', 5_001, 9_000, false],
    ['above the ceiling', 1_000, 4_999, false],
  ])('is taken from, or refuses and tells itself: %s', async (_case, floorMs, ceilMs, applied) => {
    const counter = await at(5_000);
    const reply = await counter.take('worker', { advanceMs: 1_700, floorMs, ceilMs, mixture: FIRST_MIXTURE });
    expect(core(reply)).toEqual({ applied, state: { nextMs: applied ? 6_700 : 5_000, breaker: {} } });
  });

  test('skips a pause once', async () => {
    const counter = await at(5_000);
    const step = { nextMs: 20_170, floorMs: 20_000, mixture: FIRST_MIXTURE };
    expect(core(await counter.skip('worker', step))).toEqual({
      applied: true,
      state: { nextMs: 20_170, breaker: {} },
    });
    expect(core(await counter.skip('worker', step))).toEqual({
      applied: false,
      state: { nextMs: 20_170, breaker: {} },
    });
  });

  test('gives no ticket while there is a block, whatever it says, but to a probe', async () => {
    const counter = await at(5_000);
    const blocked = { refusedAtMs: 4_000, suspectSinceMs: 2_000, blockedUntilMs: 8_000, openings: 1 };
    expect(await counter.replaceBreaker('worker', { seen: {}, next: blocked })).toEqual({
      applied: true,
      state: blocked,
    });
    const state = { nextMs: 5_000, breaker: blocked };
    const take = { advanceMs: 10, floorMs: 0, ceilMs: 9_000, mixture: FIRST_MIXTURE };
    expect(core(await counter.take('worker', take))).toEqual({ applied: false, state });
    const skip = { nextMs: 7_000, floorMs: 6_000, mixture: FIRST_MIXTURE };
    expect(core(await counter.skip('worker', skip))).toEqual({ applied: false, state });

    const seen = { nextMs: 5_000, blockedUntilMs: 8_000 };
    const next = { nextMs: 5_170, blockedUntilMs: 8_000 + 3_000 };
    const probed = { nextMs: 5_170, breaker: { ...blocked, blockedUntilMs: 11_000 } };
    expect(core(await counter.probe('worker', { seen, next, mixture: FIRST_MIXTURE }))).toEqual({
      applied: true,
      state: probed,
    });
    expect(core(await counter.probe('worker', { seen, next, mixture: FIRST_MIXTURE }))).toEqual({
      applied: false,
      state: probed,
    });
  });

  test.each([
    ['that nobody refused anything', {}],
    ['another refusal', { refusedAtMs: 3_999 }],
    ['another block', { refusedAtMs: 4_000, blockedUntilMs: 9_000 }],
  ])('does not replace a state of the breaker by one who saw %s', async (_case, seen) => {
    const counter = await at(5_000);
    const state = { refusals: 2, suspectSinceMs: 3_000, refusedAtMs: 4_000 };
    await counter.replaceBreaker('worker', { seen: {}, next: state });
    const reply = await counter.replaceBreaker('worker', { seen, next: { clearedAtMs: 5_000 } });
    expect(reply).toEqual({ applied: false, state });
    const seenNow = await counter.replaceBreaker('worker', { seen: state, next: { clearedAtMs: 5_000 } });
    expect(seenNow).toEqual({ applied: true, state: { clearedAtMs: 5_000 } });
    expect(coreOf(await counter.read('worker'))).toEqual({ nextMs: 5_000, breaker: { clearedAtMs: 5_000 } });
  });

  test('begins although its breaker was written first', async () => {
    const counter = fresh();
    await counter.replaceBreaker('worker', { seen: {}, next: { refusals: 1, refusedAtMs: 4_000 } });
    expect(core(await counter.init('worker', { nextMs: 9_000 }))).toMatchObject({ applied: true });
  });

  test('streams count for themselves', async () => {
    const counter = await at(5_000);
    expect(coreOf(await counter.read('minter'))).toEqual({ breaker: {} });
    await counter.init('minter', { nextMs: 7_000 });
    expect(coreOf(await counter.read('worker'))).toEqual({ nextMs: 5_000, breaker: {} });
  });

  test('says which settings are in use, and refuses a reservation by one who saw others', async () => {
    const counter = await at(0);
    const take = (mixture: MixtureStep) =>
      counter.take('worker', { advanceMs: 10, floorMs: 0, ceilMs: 10_000, mixture });
    const old = { seen: undefined, names: 'old', own: 'old', usedAtMs: 100, dropped: [] };
    expect((await take(old)).state.mixture).toEqual({ names: 'old', usedAtMs: { old: 100 } });
    expect(await take(old)).toMatchObject({ applied: false });
    const both = { seen: 'old', names: 'new old', own: 'new', usedAtMs: 200, dropped: [] };
    const mixture = { names: 'new old', usedAtMs: { old: 100, new: 200 } };
    expect((await take(both)).state.mixture).toEqual(mixture);
    // Those who knew the old settings alone learn of the new ones.
    const late = await take({ ...old, seen: 'old', usedAtMs: 300 });
    expect(late).toMatchObject({ applied: false, state: { mixture } });
    const dropped = await take({
      seen: 'new old',
      names: 'new',
      own: 'new',
      usedAtMs: 400,
      dropped: ['old'],
    });
    expect(dropped.state.mixture).toEqual({ names: 'new', usedAtMs: { new: 400 } });
    expect((await counter.read('worker')).mixture).toEqual({ names: 'new', usedAtMs: { new: 400 } });
    await take({ ...both, seen: 'new', names: 'a b new', own: 'a' });
    await take({ ...both, seen: 'a b new', names: 'a b new', own: 'b' });
    const last = await take({ ...both, seen: 'a b new', names: 'new', usedAtMs: 500, dropped: ['a', 'b'] });
    expect(last.state.mixture).toEqual({ names: 'new', usedAtMs: { new: 500 } });
  });

  test('a hundred callers at once get a hundred different tickets', async () => {
    const counter = await at(0);
    const step = { advanceMs: 10, floorMs: 0, ceilMs: 10_000 };
    await counter.take('worker', { ...step, advanceMs: 0, mixture: FIRST_MIXTURE });
    const takes = Array.from({ length: 100 }, () =>
      counter.take('worker', { ...step, mixture: ONLY_MIXTURE }),
    );
    const replies = await Promise.all(takes);
    expect(new Set(replies.map(({ state }) => state.nextMs)).size).toBe(100);
    expect(coreOf(await counter.read('worker'))).toEqual({ nextMs: 1_000, breaker: {} });
  });
});

describe('a stored value that is no moment', () => {
  test.each([
    ['nextMs', { S: 'soon' }],
    ['nextMs', { N: '1.5' }],
    ['nextMs', { N: '1e100' }],
    ['blockedUntilMs', { S: '1700000000000' }],
    ['refusals', { N: '-0.1' }],
  ])(
    'fails with a coded error that names it and can be put off, never a failure of the call: %s %j',
    async (attribute, value) => {
      const { dynamodb, table, stop } = await startTable();
      const settings = { ...ABUNDANT_BUDGET, name: 'broken' };
      const Item = { pk: { S: 'budget#broken#worker' }, nextMs: { N: '0' }, [attribute]: value };
      await dynamodb.send(new PutItemCommand({ TableName: table, Item }));
      const budget = createCallBudget({
        settings,
        counter: createDynamoTicketCounter({ dynamodb, table, settings }),
        clock: systemClock,
        telemetry: silentTelemetry,
      });
      const error = await budget
        .openBook({ patienceMs: () => 1_000 })
        .attempt(() => true)
        .catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'budget_unavailable', retryAtMs: expect.any(Number) });
      expect(String(error)).toContain(attribute);
      expect(shouldPostpone(error)).toBe(true);
      await stop();
    },
  );
});
