import { describe, expect, test } from 'vitest';
import { longestLineMs } from '../../../lib/budget/lines.ts';
import { DEFAULT_BUDGET_SETTINGS as SETTINGS } from '../../../lib/budget/settings.ts';
import {
  boundOf,
  floorMs,
  isValid,
  safeStartMs,
  takeFloorMs,
  ticketsFrom,
  ticketsThatFit,
} from '../../../lib/budget/tickets.ts';

const WORKER = SETTINGS.worker;

describe('tickets', () => {
  test('become valid an interval apart and live for their life', () => {
    expect(ticketsFrom(1_000, 3, WORKER)).toEqual([
      { validFromMs: 1_000, expiresAtMs: 16_000 },
      { validFromMs: 1_170, expiresAtMs: 16_170 },
      { validFromMs: 1_340, expiresAtMs: 16_340 },
    ]);
  });

  test.each([
    [999, false],
    [1_000, true],
    [16_000, true],
    [16_001, false],
  ])('one valid from 1000 is valid at %i: %s', (nowMs, valid) => {
    expect(isValid({ validFromMs: 1_000, expiresAtMs: 16_000 }, nowMs)).toBe(valid);
  });

  test('are handed out from a burst ago', () => {
    expect(floorMs(100_000, WORKER)).toBe(99_000);
  });

  test.each([
    ['an interval', WORKER, 98_830],
    ['half of what is left of its life, if that is shorter', { ...WORKER, ticketLifeMs: 1_101 }, 98_950],
  ])('may be older by %s, where others may have moved the counter on', (_, stream, oldestMs) => {
    expect(takeFloorMs(100_000, stream)).toBe(oldestMs);
  });

  test.each([
    [1_000, 500, 0],
    [1_000, 999, 0],
    [1_000, 1_000, 1],
    [1_000, 1_169, 1],
    [1_000, 1_170, 2],
  ])('as many fit between %i and %i as become valid there: %i', (firstMs, lastMs, count) => {
    expect(ticketsThatFit(firstMs, lastMs, WORKER)).toBe(count);
  });

  test('a new counter begins past every ticket that a clock within the allowance could have taken', () => {
    const ahead = 1_000_000 + SETTINGS.clockAllowanceMs;
    const behind = 1_000_000 - SETTINGS.clockAllowanceMs;
    for (const stream of ['worker', 'minter'] as const) {
      const lineMs = longestLineMs(stream, SETTINGS);
      expect(safeStartMs(behind, lineMs, SETTINGS)).toBeGreaterThanOrEqual(ahead + lineMs);
    }
  });

  test("the defaults' bounds are those of the design: 1895 and 41", () => {
    expect(boundOf(SETTINGS.worker, SETTINGS)).toBe(1895);
    expect(boundOf(SETTINGS.minter, SETTINGS)).toBe(41);
  });

  test('even calls that all arrive at the end of their time-out of 10 s stay within the limit', () => {
    const slow = { ...SETTINGS, networkDelayMs: 10_000 };
    expect(boundOf(SETTINGS.worker, slow) + boundOf(SETTINGS.minter, slow)).toBe(1978);
  });
});
