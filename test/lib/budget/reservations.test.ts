import { describe, expect, test } from 'vitest';

import { createReservations } from '../../../lib/budget/reservations.ts';
import type { Refusal, TicketSource } from '../../../lib/budget/stream-tickets.ts';
import type { Ticket } from '../../../lib/budget/tickets.ts';

const START_MS = Date.UTC(2026, 0, 1);
const TICKETS: readonly Ticket[] = [{ validFromMs: START_MS, expiresAtMs: START_MS + 15_000 }];
const WANT = { count: 1, line: { aheadMs: 20_000, maxBlock: 10, spreadMs: 20_000, maxSpreadMs: 80_000 } };

/** Reserves from a source that answers one after another as given. The local clock is behind the corrected one by `behindMs`. */
function open(answers: readonly (Refusal | readonly Ticket[])[], behindMs = 0) {
  const world = { now: 0, asks: [] as number[], slept: [] as number[], looks: 0 };
  const left = [...answers];
  const source: TicketSource = {
    async ask(_, untilMs) {
      world.asks.push(untilMs() - START_MS);
      const answer = left.shift();
      if (answer === undefined) throw new Error('asked too often');
      return answer;
    },
    async look() {
      world.looks += 1;
    },
  };
  const now = () => START_MS + world.now;
  const reservations = createReservations({
    source,
    budget: 'default',
    clock: {
      now,
      localNow: behindMs === 0 ? now : () => now() - behindMs,
      monotonicNow: () => world.now,
      isSteady: () => true,
      async sleep(ms) {
        world.slept.push(ms);
        world.now += ms;
      },
    },
  });
  const reserve = (patienceMs: number) =>
    reservations.reserve(WANT, patienceMs, new AbortController().signal);
  return { world, reserve, reservations };
}

const refusal = (retryAtMs: number, of: Partial<Refusal> = {}): Refusal => ({
  why: 'exhausted',
  stream: 'worker',
  retryAtMs: START_MS + retryAtMs,
  ...of,
});

describe('a reservation', () => {
  test('is asked for again at the moment of each refusal, for as long as the caller waits', async () => {
    const { world, reserve } = open([refusal(1_000), refusal(10_000), TICKETS]);
    expect(await reserve(10_000)).toBe(TICKETS);
    expect(world.slept).toEqual([1_000, 9_000]);
    expect(world.asks).toEqual([10_000, 10_000, 10_000]);
  });

  test('is asked for at once after a refusal whose moment has passed', async () => {
    const { world, reserve } = open([refusal(-500), TICKETS]);
    await reserve(10_000);
    expect(world.slept).toEqual([0]);
  });

  test.each([
    ['one whose moment is too late for the caller', refusal(10_001)],
    ['one after which asking is in vain', refusal(1, { isInVain: true })],
  ])('fails by a refusal that helps no more: %s', async (_, refused) => {
    const { world, reserve } = open([refused]);
    await expect(reserve(10_000)).rejects.toMatchObject({ code: 'budget_exhausted' });
    expect(world.slept).toEqual([]);
  });

  test("a look asks for DynamoDB's time and for no ticket", async () => {
    const { world, reservations } = open([]);
    await reservations.look();
    expect([world.looks, world.asks]).toEqual([1, []]);
  });
});

describe('the error of a refusal says why, of which budget, and when to try again', () => {
  test.each<[Refusal['why'], string, string, string]>([
    ['exhausted', 'budget_exhausted', 'BudgetExhaustedError', 'no ticket left for the worker stream'],
    ['blocked', 'budget_blocked', 'BudgetBlockedError', 'the WAF refuses every call of this IP address'],
    ['paused', 'budget_paused', 'BudgetPausedError', 'an operator has paused'],
    ['conflict', 'budget_settings_conflict', 'BudgetSettingsConflictError', 'functions with other settings'],
  ])('%s', async (why, code, name, text) => {
    const { reserve } = open([refusal(60_000, { why })]);
    const error = await reserve(0).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name, code, retryAtMs: START_MS + 60_000 });
    const { message } = error as Error;
    expect(message).toContain(text);
    expect(message).toContain('call budget default');
    expect(message).toContain('try again at 2026-01-01T00:01:00.000Z');
  });

  test("in the caller's time: its clock may be off", async () => {
    const { reserve } = open([refusal(60_000)], 5_000);
    await expect(reserve(0)).rejects.toMatchObject({
      retryAtMs: START_MS + 55_000,
      message: expect.stringContaining('2026-01-01T00:00:55.000Z'),
    });
  });
});
