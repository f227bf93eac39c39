import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  brokenRetryRule,
  type Failure,
  NO_RETRY,
  type RetryOptions,
  retryDelayMs,
} from '../../../lib/plume/retry-policy.ts';

const failure = (given: Partial<Failure> = {}): Failure => ({
  method: 'GET',
  status: 503,
  retries: 0,
  patienceMs: 60_000,
  ...given,
});
const delayMs = (given: Partial<Failure> = {}, random = 0.5) =>
  retryDelayMs({ limit: 3 }, failure(given), random);

test.each([
  [undefined, true],
  [429, true],
  [500, true],
  [503, true],
  [200, false],
  [304, false],
  [401, false],
  [403, false],
  [404, false],
  [408, false],
])('status %s may pass: %s', (status, passes) => {
  expect(delayMs({ status }) !== undefined).toBe(passes);
});

test.each([
  ['GET', true],
  ['HEAD', true],
  ['OPTIONS', true],
  ['PUT', true],
  ['DELETE', true],
  ['POST', false],
  ['PATCH', false],
])('%s is sent again by itself: %s', (method, isSentAgain) => {
  expect(delayMs({ method }) !== undefined).toBe(isSentAgain);
});

test('another method is sent again if it is named, in whatever case', () => {
  const retry = { limit: 1, methods: ['post'] };
  expect(retryDelayMs(retry, failure({ method: 'POST' }), 0)).toBe(0);
  expect(retryDelayMs(retry, failure({ method: 'GET' }), 0)).toBeUndefined();
});

test('nothing is sent again unless it is asked for', () => {
  expect(retryDelayMs(NO_RETRY, failure(), 0)).toBeUndefined();
});

test('what the server asks for comes before the jitter, and outlasts the patience of some', () => {
  expect(delayMs({ retryAfterMs: 7_000 })).toBe(7_250);
  expect(delayMs({ retryAfterMs: 7_000, patienceMs: 7_249 })).toBeUndefined();
});

describe('of any failure', () => {
  const anyFailure = fc.record<Failure>({
    method: fc.constantFrom('GET', 'PUT', 'POST'),
    status: fc.option(fc.integer({ min: 100, max: 599 }), { nil: undefined }),
    retryAfterMs: fc.option(fc.nat(100_000), { nil: undefined }),
    retries: fc.nat(12),
    patienceMs: fc.integer({ min: -5_000, max: 100_000 }),
  });
  const limit = fc.nat(10);
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

  test('the wait is never shorter than asked for, nor longer than there is time, and attempts end', () => {
    fc.assert(
      fc.property(limit, anyFailure, random, (most, given, chance) => {
        const wait = retryDelayMs({ limit: most }, given, chance);
        if (wait === undefined) return;
        expect(given.retries).toBeLessThan(most);
        expect(given.method).not.toBe('POST');
        expect(wait).toBeGreaterThanOrEqual(given.retryAfterMs ?? 0);
        expect(wait).toBeLessThanOrEqual(given.patienceMs);
      }),
    );
  });

  test('the jitter is full, and its ceiling doubles up to ten seconds', () => {
    fc.assert(
      fc.property(fc.nat(9), random, (retries, chance) => {
        const ceilingMs = Math.min(500 * 2 ** retries, 10_000);
        expect(retryDelayMs({ limit: 10 }, failure({ retries }), chance)).toBe(
          Math.floor(chance * ceilingMs),
        );
      }),
    );
  });
});

test.each([{ limit: 0 }, { limit: 10, methods: ['POST'] }])('%j keeps the rules', (retry) => {
  expect(brokenRetryRule(retry)).toBeUndefined();
});

test.each([
  [{ limit: 11 }, 'retry.limit'],
  [{ limit: -1 }, 'retry.limit'],
  [{ limit: 1.5 }, 'retry.limit'],
  [{ limit: Number.NaN }, 'retry.limit'],
  [{}, 'retry.limit'],
  [3, 'retry must be'],
  [null, 'retry must be'],
  [{ limit: 1, methods: [1] }, 'retry.methods'],
  [{ limit: 1, methods: 'POST' }, 'retry.methods'],
])('%j breaks the rule of %s', (retry, name) => {
  expect(brokenRetryRule(retry as RetryOptions)).toContain(name);
});
