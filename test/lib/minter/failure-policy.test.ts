import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { MINT_FAILURES } from '../../../lib/contract.ts';
import type { ErrorCode } from '../../../lib/errors.ts';
import { nextTryMs, REMEDIES, remedyOf } from '../../../lib/minter/failure-policy.ts';
import { DEFAULT_TOKEN_SETTINGS } from '../../../lib/token/settings.ts';

const MINUTE = 60_000;
const settings = DEFAULT_TOKEN_SETTINGS;

const waitMs = (code: ErrorCode, failures: number, random: number, retryAfterMs?: number) => {
  const at = nextTryMs({ code, failures, nowMs: 1_000, retryAfterMs }, settings, random);
  return at === undefined ? undefined : at - 1_000;
};

test.each<[ErrorCode, string]>([
  ['oauth_unavailable', 'retry'],
  ['oauth_throttled', 'retry'],
  ['oauth_response_invalid', 'retry'],
  ['token_expired_on_arrival', 'retry'],
  ['secret_unavailable', 'retry'],
  ['invalid_client', 'reread-secret'],
  ['invalid_grant', 'park'],
  ['invalid_request', 'park'],
  ['invalid_scope', 'park'],
  ['unsupported_grant_type', 'park'],
  ['secret_malformed', 'park'],
  ['secret_missing', 'forget'],
  ['budget_exhausted', 'postpone'],
  ['budget_blocked', 'postpone'],
  ['budget_unavailable', 'postpone'],
  ['budget_clock_unreliable', 'postpone'],
  ['waf_blocked', 'rest'],
  ['config_invalid', 'retry'],
])('%s: %s', (code, remedy) => {
  expect(remedyOf(code)).toBe(remedy);
});

test('what the contract calls failures of mints is all that the policy knows, but for what is postponed', () => {
  const failures = Object.entries(REMEDIES).filter(([, remedy]) => remedy !== 'postpone');
  expect(failures.map(([code]) => code).sort()).toEqual([...MINT_FAILURES].sort());
});

describe('waiting', () => {
  test.each<[ErrorCode, number, number, number | undefined, number | undefined]>([
    // code, failures, random, Retry-After, wait
    ['oauth_unavailable', 1, 0.999, undefined, 999],
    ['oauth_unavailable', 1, 0, undefined, 0],
    ['oauth_unavailable', 4, 0.5, undefined, 4_000],
    ['oauth_unavailable', 1_000_000, 0.5, undefined, 22_500],
    ['oauth_throttled', 1, 0.5, 90_000, 90_000],
    ['oauth_throttled', 20, 0.999, 10, 44_955],
    ['oauth_throttled', 1, 0.5, 10 * 365 * 86_400_000, 60 * MINUTE],
    ['invalid_client', 1, 0, undefined, 7.5 * MINUTE],
    ['invalid_client', 2, 0.5, undefined, 22.5 * MINUTE],
    ['invalid_client', 50, 0.999_999, undefined, 360 * MINUTE],
    ['invalid_client', 1, 0, 20 * MINUTE, 20 * MINUTE],
    ['waf_blocked', 1, 0.5, 6 * MINUTE, 6 * MINUTE],
    ['waf_blocked', 3, 0.5, 6 * MINUTE, 24 * MINUTE],
    ['waf_blocked', 50, 0.5, 6 * MINUTE, 360 * MINUTE],
    ['invalid_scope', 1, 0.5, 5, undefined],
    ['secret_missing', 3, 0.5, undefined, MINUTE],
  ])('%s, failure %i, random %d, Retry-After %s: %s ms', (code, failures, random, retryAfterMs, expected) => {
    const actual = waitMs(code, failures, random, retryAfterMs);
    if (expected === undefined) expect(actual).toBeUndefined();
    else expect(Math.abs((actual ?? Number.NaN) - expected)).toBeLessThanOrEqual(1_000 * 0.1);
  });

  test('is within the ceiling, and never before Retry-After', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000 }),
        fc.double({ min: 0, max: 0.999_999, noNaN: true }),
        fc.nat(settings.backoffMaxMs),
        (failures, random, retryAfterMs) => {
          const wait = waitMs('oauth_throttled', failures, random, retryAfterMs) ?? Number.NaN;
          expect(wait).toBeGreaterThanOrEqual(retryAfterMs);
          expect(wait).toBeLessThanOrEqual(
            Math.max(
              retryAfterMs,
              Math.min(settings.backoffMaxMs, settings.backoffBaseMs * 2 ** (failures - 1)),
            ),
          );
          expect(Number.isInteger(wait)).toBe(true);
        },
      ),
    );
  });
});
