import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  blockOf,
  ceilMs,
  lentLine,
  lineOf,
  longestLineMs,
  type MintRequestKind,
  mintLine,
  mintWaitMs,
  slowedLine,
  workerLine,
} from '../../../lib/budget/lines.ts';
import { DEFAULT_BUDGET_SETTINGS } from '../../../lib/budget/settings.ts';

const stream = DEFAULT_BUDGET_SETTINGS.worker;
const { horizonMs, intervalMs } = stream;
const NOW = 1_000_000;

test.each([
  ['the workers', 170, 20_000, 10],
  ['a stream of ten times their rate', 17, 20_000, 100],
  ['a stream whose line is short: no block takes more than half of it', 17, 680, 21],
  ['the minter', 10_000, 10_000, 1],
])(
  'a block of %s (%i ms between calls, %i ms ahead) has up to %i tickets',
  (_, interval, aheadMs, maxBlock) => {
    expect(lineOf({ ...stream, intervalMs: interval }, aheadMs)).toMatchObject({ aheadMs, maxBlock });
  },
);

describe('a block', () => {
  const line = lineOf(stream, horizonMs);
  const block = (count: number, patienceMs: number) =>
    blockOf(count, line, { nowMs: NOW, untilMs: NOW + patienceMs, stream });

  test('is taken whole if it can fit at all', () => {
    expect(block(10, 60_000)).toBe(10);
    expect(block(10, 1_000)).toBe(10);
  });

  test('is cut to what can become valid in time when the counter stands as far back as it may', () => {
    // Six tickets of the second past, and no other.
    expect(block(10, 0)).toBe(6);
    expect(block(10, -1_001)).toBe(0);
    expect(block(25, 60_000)).toBe(10);
  });

  test('finds the end of the line at the same moment, whatever its size', () => {
    const ends = [1, 3, 10].map((size) => ceilMs(size, line, { nowMs: NOW, untilMs: NOW + 60_000, stream }));
    expect(ends).toEqual(Array(3).fill(NOW + horizonMs - 9 * intervalMs));
  });

  test('ends in the time of its caller and in the line, for any patience', () => {
    const sizes = fc.integer({ min: 1, max: 25 });
    fc.assert(
      fc.property(sizes, fc.integer({ min: -2_000, max: 60_000 }), (count, patienceMs) => {
        const untilMs = NOW + patienceMs;
        const size = block(count, patienceMs);
        const lastMs = ceilMs(size, line, { nowMs: NOW, untilMs, stream }) + (size - 1) * intervalMs;
        expect(lastMs).toBeLessThanOrEqual(Math.min(untilMs, NOW + horizonMs));
      }),
    );
  });
});

describe('the lines of the default settings', () => {
  const settings = DEFAULT_BUDGET_SETTINGS;

  test('of workers: normal calls reserve 20 s ahead, low priority 1.3 s', () => {
    expect(workerLine('normal', settings)).toEqual({
      aheadMs: 20_000,
      maxBlock: 10,
      spreadMs: 20_000,
      maxSpreadMs: 80_000,
    });
    expect(workerLine('low', settings)).toEqual({
      aheadMs: 1_300,
      maxBlock: 4,
      spreadMs: 5_000,
      maxSpreadMs: 80_000,
    });
  });

  test('of low priority are no longer than the stream allows', () => {
    const short = { ...settings, worker: { ...stream, horizonMs: 500 } };
    expect(workerLine('low', short)).toMatchObject({ aheadMs: 500, maxBlock: 2 });
  });

  test.each<[MintRequestKind, number, boolean]>([
    ['renewal', 10_000, true],
    ['forced', 0, true],
    ['first', -20_000, true],
    ['retry', -60_000, false],
    ['check', -60_000, false],
    ['inspection', -90_000, false],
  ])('of the minter, for %s: up to %i ms ahead; borrows, and is evidence: %s', (kind, aheadMs, isUrgent) => {
    expect(mintLine(kind, settings)).toEqual({
      aheadMs,
      maxBlock: 1,
      spreadMs: 10_000,
      maxSpreadMs: 40_000,
      mayBorrow: isUrgent,
      isEvidence: isUrgent,
    });
  });

  test("of the minter on the workers' stream: half as long again as any worker's, and it waits 45 s", () => {
    expect(lentLine(settings)).toEqual({
      aheadMs: 30_000,
      maxBlock: 1,
      spreadMs: 5_000,
      maxSpreadMs: 5_000,
    });
    expect(longestLineMs('worker', settings)).toBe(30_000);
    expect(longestLineMs('minter', settings)).toBe(10_000);
    expect(mintWaitMs(settings)).toBe(45_000);
  });
});

describe('on a slowed stream', () => {
  const line = lineOf(stream, horizonMs);

  test.each([
    [2, 5],
    [3, 3],
    [100, 1],
  ])('of %i times the interval a block has %i tickets: as long as before', (times, maxBlock) => {
    const slow = { ...stream, intervalMs: times * intervalMs };
    expect(slowedLine(line, stream, slow)).toEqual({ ...line, maxBlock });
  });

  test('without an order the line is as it was', () => {
    expect(slowedLine(line, stream, stream)).toBe(line);
  });
});

test('a line too short for two tickets serves one at a time, and may lie in the past', () => {
  expect(lineOf(stream, 100).maxBlock).toBe(1);
  expect(lineOf(stream, -60_000).maxBlock).toBe(1);
});
