import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createMemoryTicketCounter } from '../../../infra/testing/memory-ticket-counter.ts';
import { createDynamoTicketCounter } from '../../../lib/budget/dynamo-ticket-counter.ts';
import type { TicketCounter } from '../../../lib/budget/ticket-counter.ts';
import { startTable } from '../../fixtures/table.ts';

/** One contract, two engines: what the simulation proves of one holds for the other. */
type Open = (name: string) => TicketCounter;

const engines: Record<string, () => Promise<{ open: Open; stop(): Promise<void> }>> = {
  memory: async () => ({ open: () => createMemoryTicketCounter(), stop: async () => {} }),
  DynamoDB: async () => {
    const { client, table, stop } = await startTable();
    return { open: (name) => createDynamoTicketCounter({ client, table, settings: { name } }), stop };
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
    await counter.init('worker', { nextMs, nowMs: 0 });
    return counter;
  };

  beforeAll(async () => {
    engine = await start();
  });
  afterAll(() => engine.stop());

  test('is not there at first: nothing can be taken or skipped', async () => {
    const counter = fresh();
    expect(await counter.read('worker')).toEqual({});
    const step = { advanceMs: 10, floorMs: 0, ceilMs: 1_000, nowMs: 500 };
    expect(await counter.take('worker', step)).toEqual({ applied: false, state: {} });
    const skip = { nextMs: 10, floorMs: 1_000, nowMs: 500 };
    expect(await counter.skip('worker', skip)).toEqual({ applied: false, state: {} });
  });

  test('begins once', async () => {
    const counter = fresh();
    const first = await counter.init('worker', { nextMs: 5_000, nowMs: 1_000 });
    expect(first).toEqual({ applied: true, state: { nextMs: 5_000 } });
    const second = await counter.init('worker', { nextMs: 9_000, nowMs: 1_000 });
    expect(second).toEqual({ applied: false, state: { nextMs: 5_000 } });
    expect(await counter.read('worker')).toEqual({ nextMs: 5_000 });
  });

  test.each([
    ['at the floor', 5_000, 9_000, true],
    ['at the ceiling', 1_000, 5_000, true],
    ['below the floor', 5_001, 9_000, false],
    ['above the ceiling', 1_000, 4_999, false],
  ])('is taken from, or refuses and tells itself: %s', async (_case, floorMs, ceilMs, applied) => {
    const counter = await at(5_000);
    const reply = await counter.take('worker', { advanceMs: 1_700, floorMs, ceilMs, nowMs: 5_500 });
    expect(reply).toEqual({ applied, state: { nextMs: applied ? 6_700 : 5_000 } });
  });

  test('skips a pause once', async () => {
    const counter = await at(5_000);
    const step = { nextMs: 20_170, floorMs: 20_000, nowMs: 21_000 };
    expect(await counter.skip('worker', step)).toEqual({ applied: true, state: { nextMs: 20_170 } });
    expect(await counter.skip('worker', step)).toEqual({ applied: false, state: { nextMs: 20_170 } });
  });

  test('refuses everything while blocked, and resumes at that very moment', async () => {
    const counter = await at(5_000);
    await counter.block('worker', 8_000);
    const state = { nextMs: 5_000, blockedUntilMs: 8_000 };
    const take = { advanceMs: 10, floorMs: 0, ceilMs: 9_000 };
    expect(await counter.take('worker', { ...take, nowMs: 7_999 })).toEqual({ applied: false, state });
    expect(await counter.skip('worker', { nextMs: 7_000, floorMs: 6_000, nowMs: 7_999 })).toEqual({
      applied: false,
      state,
    });
    expect(await counter.take('worker', { ...take, nowMs: 8_000 })).toEqual({
      applied: true,
      state: { nextMs: 5_010, blockedUntilMs: 8_000 },
    });
  });

  test('may be blocked before it is there, and begins after that', async () => {
    const counter = fresh();
    await counter.block('worker', 8_000);
    expect(await counter.init('worker', { nextMs: 9_000, nowMs: 7_999 })).toEqual({
      applied: false,
      state: { blockedUntilMs: 8_000 },
    });
    expect(await counter.init('worker', { nextMs: 9_000, nowMs: 8_000 })).toMatchObject({ applied: true });
  });

  test('a shorter block does not end a longer one', async () => {
    const counter = await at(5_000);
    await counter.block('worker', 8_000);
    await counter.block('worker', 7_000);
    expect(await counter.read('worker')).toEqual({ nextMs: 5_000, blockedUntilMs: 8_000 });
    await counter.block('worker', 9_000);
    expect(await counter.read('worker')).toEqual({ nextMs: 5_000, blockedUntilMs: 9_000 });
  });

  test('streams count for themselves', async () => {
    const counter = await at(5_000);
    expect(await counter.read('minter')).toEqual({});
    await counter.init('minter', { nextMs: 7_000, nowMs: 0 });
    expect(await counter.read('worker')).toEqual({ nextMs: 5_000 });
  });

  test('a hundred callers at once get a hundred different tickets', async () => {
    const counter = await at(0);
    const step = { advanceMs: 10, floorMs: 0, ceilMs: 10_000, nowMs: 0 };
    const replies = await Promise.all(Array.from({ length: 100 }, () => counter.take('worker', step)));
    expect(new Set(replies.map(({ state }) => state.nextMs)).size).toBe(100);
    expect(await counter.read('worker')).toEqual({ nextMs: 1_000 });
  });
});
