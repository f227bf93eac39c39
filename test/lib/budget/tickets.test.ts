import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DEFAULT_BUDGET_SETTINGS as SETTINGS } from '../../../lib/budget/settings.ts';
import {
  boundOf,
  ceilMs,
  floorMs,
  isValid,
  lastMs,
  maxBlock,
  safeStartMs,
  ticketsFrom,
  ticketsThatFit,
} from '../../../lib/budget/tickets.ts';

const WORKER = SETTINGS.worker;

test.each([
  [SETTINGS.minter.intervalMs, 10],
  [WORKER.intervalMs, 10],
  [17, 100],
  [1, 1_700],
])('with %d ms between calls a block has up to %d tickets', (intervalMs, count) => {
  expect(maxBlock({ ...WORKER, intervalMs })).toBe(count);
});

describe('tickets', () => {
  test('become good an interval apart and live for their life', () => {
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
  ])('one good from 1000 is good at %i: %s', (nowMs, good) => {
    expect(isValid({ validFromMs: 1_000, expiresAtMs: 16_000 }, nowMs)).toBe(good);
  });

  test('are handed out from a burst ago to a horizon ahead, or as far as the caller waits', () => {
    expect(floorMs(100_000, WORKER)).toBe(99_000);
    expect(lastMs(100_000, 105_000, WORKER)).toBe(105_000);
    expect(lastMs(100_000, 200_000, WORKER)).toBe(120_000);
  });

  test('as many fit as the counter then admits, and not one more', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -50_000, max: 50_000 }),
        fc.integer({ min: 0, max: 50_000 }),
        (first, last) => {
          const count = ticketsThatFit(first, last, WORKER);
          if (count > 0) expect(first).toBeLessThanOrEqual(ceilMs(last, count, WORKER));
          expect(first).toBeGreaterThan(ceilMs(last, count + 1, WORKER));
        },
      ),
    );
  });

  test('a new counter begins past every ticket that a clock within the allowance could have taken', () => {
    const ahead = 1_000_000 + SETTINGS.clockAllowanceMs;
    const behind = 1_000_000 - SETTINGS.clockAllowanceMs;
    expect(safeStartMs(behind, WORKER, SETTINGS)).toBeGreaterThanOrEqual(lastMs(ahead, Infinity, WORKER));
  });

  test("the defaults' bounds are those of the design: 1895 and 36", () => {
    expect(boundOf(SETTINGS.worker, SETTINGS)).toBe(1895);
    expect(boundOf(SETTINGS.minter, SETTINGS)).toBe(36);
  });

  test('even calls that all arrive at the end of their time-out of 10 s stay within the limit', () => {
    const slow = { ...SETTINGS, networkDelayMs: 10_000 };
    expect(boundOf(SETTINGS.worker, slow) + boundOf(SETTINGS.minter, slow)).toBe(1973);
  });
});
