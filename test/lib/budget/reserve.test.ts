import { describe, expect, test } from 'vitest';

import { createMemoryTicketCounter } from '../../../infra/testing/memory-ticket-counter.ts';
import { workerLine } from '../../../lib/budget/lines.ts';
import { type Ask, nextStep } from '../../../lib/budget/next-step.ts';
import { type ReservationRequest, reserve } from '../../../lib/budget/reserve.ts';
import { DEFAULT_BUDGET_SETTINGS } from '../../../lib/budget/settings.ts';
import type { CounterState, TicketCounter } from '../../../lib/budget/ticket-counter.ts';

const NOW_MS = 1_000_000_000;
const SETTINGS = DEFAULT_BUDGET_SETTINGS;
const ASK: Ask = {
  name: 'worker',
  stream: SETTINGS.worker,
  settings: SETTINGS,
  count: 2,
  line: workerLine('normal', SETTINGS),
  nowMs: NOW_MS,
  untilMs: NOW_MS + 60_000,
  safeStartMs: NOW_MS + 10_000,
  longestBlockMs: 49_000,
  mayProbe: true,
};
const state = (nextMs?: number): CounterState => ({
  ...(nextMs !== undefined && { nextMs }),
  breaker: {},
  mixture: { names: undefined, usedAtMs: {} },
});

/** Reserves from a counter, and notes what it is asked. */
async function from(counter: TicketCounter, request: Partial<ReservationRequest> = {}) {
  const asked: string[] = [];
  const noting = new Proxy(counter, {
    get: (target, name: keyof TicketCounter) => {
      const call = target[name] as (...args: unknown[]) => unknown;
      return (...args: unknown[]) => {
        asked.push(name);
        return call(...args);
      };
    },
  });
  const replies: CounterState[] = [];
  const result = await reserve({
    counter: noting,
    ask: () => ASK,
    seen: undefined,
    isBusy: false,
    onReply: (reply) => replies.push(reply.state),
    ...request,
  });
  return { asked, replies, result };
}

describe('a reservation', () => {
  test('begins a counter that is not there, and takes from it', async () => {
    const { asked, replies, result } = await from(createMemoryTicketCounter());
    expect(asked).toEqual(['take', 'init', 'take']);
    expect(replies).toHaveLength(3);
    const firstMs = ASK.safeStartMs;
    expect(result).toEqual({
      kind: 'granted',
      by: 'take',
      tickets: [firstMs, firstMs + 170].map((validFromMs) => ({
        validFromMs,
        expiresAtMs: validFromMs + 15_000,
      })),
    });
  });

  test.each([
    [true, ['take', 'skip']],
    [false, ['skip']],
  ])(
    'from a counter that was seen behind: while it is busy (%s) others may have moved it on',
    async (isBusy, calls) => {
      const counter = createMemoryTicketCounter();
      await counter.init('worker', { nextMs: NOW_MS - 60_000 });
      const { asked, result } = await from(counter, { isBusy, seen: await counter.read('worker') });
      expect(asked).toEqual(calls);
      expect(result).toMatchObject({ kind: 'granted', by: 'skip' });
    },
  );

  test.each([
    ['where it stands', NOW_MS - 60_000, NOW_MS - 60_000],
    ['now, if it is not even begun', undefined, NOW_MS],
  ])(
    'gives up after five writes that others forestalled, and says of the counter: %s',
    async (_, nextMs, told) => {
      const refuse = async () => ({ applied: false, state: state(nextMs) });
      const { asked, result } = await from({
        ...createMemoryTicketCounter(),
        ...{ take: refuse, skip: refuse, init: refuse },
      });
      expect(asked).toHaveLength(5);
      expect(result).toEqual({ kind: 'full', nextMs: told });
    },
  );

  test.each([
    ['its life', SETTINGS.worker.ticketLifeMs, 3_000],
    ['what another probe waits for', 1_000, 1_000],
  ])('of a probe is one ticket, which ends with the probe: after %s', async (_, ticketLifeMs, usableMs) => {
    const counter = createMemoryTicketCounter();
    await counter.init('worker', { nextMs: NOW_MS });
    const next = { blockedUntilMs: NOW_MS - 1, openings: 4 };
    await counter.replaceBreaker('worker', { seen: {}, next });
    const stream = { ...SETTINGS.worker, ticketLifeMs, burstMs: 0 };
    const { result } = await from(counter, {
      seen: await counter.read('worker'),
      ask: () => ({ ...ASK, stream }),
    });
    expect(result).toEqual({
      kind: 'granted',
      by: 'probe',
      tickets: [{ validFromMs: NOW_MS, expiresAtMs: NOW_MS + usableMs, probe: 4 }],
    });
    expect((await counter.read('worker')).nextMs).toBe(NOW_MS + 170);
  });
});

describe('the next write', () => {
  test('is none while another caller is to probe', () => {
    const breaker = { blockedUntilMs: NOW_MS - 1 };
    const seen = { ...state(NOW_MS), breaker };
    expect(nextStep(seen, { ...ASK, mayProbe: false }, false)).toEqual({ kind: 'blocked', untilMs: NOW_MS });
  });

  test('is none for a caller that would use only tickets which nobody may take any more', () => {
    const untilMs = NOW_MS - SETTINGS.worker.burstMs - 1;
    expect(nextStep(state(NOW_MS - 60_000), { ...ASK, untilMs }, false)).toMatchObject({ kind: 'full' });
  });
});
