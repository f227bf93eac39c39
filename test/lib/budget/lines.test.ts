import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { blockOf, ceilMs, lineOf } from '../../../lib/budget/lines.ts';
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
