import { describe, expect, test } from 'vitest';

import { countRefusal, type RefusedBefore } from '../../../functions/worker/count-refusal.ts';
import { WafBlockedError } from '../../../lib/waf/errors.ts';

const MINUTE = 60_000;
const WINDOW = 5 * MINUTE;

interface Refused {
  readonly atMs: number;
  readonly sinceMs?: number;
  readonly clearedAtMs?: number;
}

/** How many of a job's refusals count, one after another. */
function counted(refusals: readonly Refused[]): number {
  let before: RefusedBefore | undefined;
  let count = 0;
  for (const { atMs, sinceMs = atMs, clearedAtMs } of refusals) {
    const error = new WafBlockedError('mocha', 'GET /v1', {
      refused: 'call',
      refusedAtMs: atMs,
      refusedSinceMs: sinceMs,
      retryAtMs: atMs + MINUTE,
      ...(clearedAtMs !== undefined && { clearedAtMs }),
    });
    const { counts, carries } = countRefusal(before, error, WINDOW);
    if (counts) count += 1;
    before = carries;
  }
  return count;
}

/** A job that is tried again every minute, as long as that lasts. */
const everyMinute = (minutes: number, of: (atMs: number) => Omit<Refused, 'atMs'>): Refused[] =>
  Array.from({ length: minutes }, (_, minute) => ({ atMs: minute * MINUTE, ...of(minute * MINUTE) }));

describe('a refusal', () => {
  test('does not count while it is the first', () => {
    expect(counted([{ atMs: 10 * MINUTE, clearedAtMs: 9 * MINUTE }])).toBe(0);
  });

  test('counts when the job is refused again and another call has passed in between', () => {
    expect(counted(everyMinute(6, (atMs) => ({ clearedAtMs: atMs - 1 })))).toBe(5);
  });

  test('does not count if the last call that passed was sent before it', () => {
    expect(counted(everyMinute(6, () => ({ clearedAtMs: 0 })))).toBe(0);
  });

  test('never counts in a block of up to ten minutes', () => {
    expect(counted(everyMinute(10, () => ({ sinceMs: 0 })))).toBe(0);
  });

  test('counts once a window in a longer block, so that a job which is alone is not tried for ever', () => {
    expect(counted(everyMinute(11, () => ({ sinceMs: 0 })))).toBe(1);
    expect(counted(everyMinute(16, () => ({ sinceMs: 0 })))).toBe(2);
    expect(counted(everyMinute(31, () => ({ sinceMs: 0 })))).toBe(5);
  });
});
