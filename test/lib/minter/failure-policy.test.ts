import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { MINT_FAILURES } from '../../../lib/contract.ts';
import type { ErrorCode } from '../../../lib/errors.ts';
import {
  counted,
  type History,
  isPostponed,
  isRefusal,
  nextTry,
  RETRY_RULES,
  type RetryRule,
} from '../../../lib/minter/failure-policy.ts';
import { DEFAULT_TOKEN_SETTINGS } from '../../../lib/token/settings.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const settings = DEFAULT_TOKEN_SETTINGS;

const pauseMs = (
  code: ErrorCode,
  count: number,
  options: { random?: number; retryAfterMs?: number; history?: History } = {},
): number => {
  const { random = 0.5, retryAfterMs, history = 'worked before' } = options;
  return nextTry({ code, count, history, nowMs: 1_000, retryAfterMs }, settings, random).atMs - 1_000;
};

test('every code that a mint can fail with has its rule, and no other', () => {
  expect(Object.keys(RETRY_RULES).sort()).toEqual([...MINT_FAILURES].sort());
  expect(MINT_FAILURES.filter((code) => isPostponed(code))).toEqual([]);
});

describe('one refusal is a suspicion', () => {
  test.each<ErrorCode>([
    'invalid_client',
    'invalid_grant',
    'invalid_request',
    'invalid_scope',
    'unsupported_grant_type',
  ])('%s is tried again after 5 and 15 s and at the next four ticks', (code) => {
    const pauses = [1, 2, 3, 4, 5, 6].map((count) => pauseMs(code, count, { random: 0 }));
    expect(pauses).toEqual([5, 10, 30, 30, 30, 30].map((seconds) => seconds * SECOND));
    expect(pauseMs(code, 7, { random: 0 })).toBeGreaterThan(7 * MINUTE);
    expect(isRefusal(code)).toBe(true);
  });

  test('not so of credentials that never worked and have not just changed', () => {
    const pauses = [1, 2, 6, 7, 8].map((count) =>
      pauseMs('invalid_client', count, { random: 0, history: 'never worked' }),
    );
    expect(pauses).toEqual([30, 30, 30, 30, 60].map((minutes) => minutes * MINUTE));
  });

  test('the pauses after the first tries begin as short for credentials that have not worked yet', () => {
    for (const history of ['worked before', 'never worked'] as const) {
      const pauses = (code: ErrorCode) =>
        [7, 8, 9].map((count) => pauseMs(code, count, { random: 0, history }) / MINUTE);
      expect(pauses('invalid_client')).toEqual([30, 60, 120]);
      expect(pauses('invalid_scope')).toEqual([7.5, 15, 30]);
    }
  });

  test('only the first two tries belong to the same tick, and none that the server wants later', () => {
    const isSoon = (count: number, retryAfterMs?: number): boolean =>
      nextTry(
        { code: 'invalid_client', count, history: 'just changed', nowMs: 0, retryAfterMs },
        settings,
        0.5,
      ).isSoon;
    expect([1, 2, 3, 7].map((count) => isSoon(count))).toEqual([true, true, false, false]);
    expect(isSoon(1, 5_001)).toBe(false);
  });
});

test('where ticks come more often, the tries within one come sooner', () => {
  const failure = { code: 'invalid_client', count: 1, history: 'just changed', nowMs: 0 } as const;
  expect(nextTry(failure, { ...settings, tickMs: 6 * SECOND }, 0.5)).toEqual({ atMs: 500, isSoon: true });
  expect(nextTry(failure, { ...settings, tickMs: 5 * MINUTE }, 0.5).atMs).toBe(5 * SECOND);
});

describe('the pause', () => {
  test.each<[ErrorCode, count: number, random: number, pauseMs: number]>([
    ['oauth_unavailable', 1, 0.999, 999],
    ['oauth_unavailable', 1, 0, 0],
    ['oauth_unavailable', 4, 0.5, 4 * SECOND],
    ['oauth_unavailable', 1_000_000, 0.999_999, 45 * SECOND],
    ['secret_unavailable', 1_000_000, 0.999_999, 45 * SECOND],
    ['oauth_throttled', 1, 0, 500],
    ['oauth_throttled', 100, 0.999_999, 5 * MINUTE],
    ['oauth_error_unknown', 100, 0, 2.5 * MINUTE],
    ['oauth_response_invalid', 100, 0.999_999, 5 * MINUTE],
    ['token_expired_on_arrival', 100, 0.999_999, 5 * MINUTE],
    ['waf_blocked', 1, 0, 30 * SECOND],
    ['waf_blocked', 6, 0, 30 * SECOND],
    ['waf_blocked', 7, 0.999_999, MINUTE],
    ['waf_blocked', 100, 0.999_999, 5 * MINUTE],
    ['invalid_client', 7, 0, 30 * MINUTE],
    ['invalid_client', 8, 0, HOUR],
    ['invalid_client', 100, 0.999_999, 6 * HOUR],
    ['invalid_scope', 7, 0.999_999, 15 * MINUTE],
    ['invalid_scope', 100, 0.999_999, 6 * HOUR],
    ['secret_malformed', 1, 0, 7.5 * MINUTE],
    ['secret_malformed', 100, 0.999_999, 6 * HOUR],
    ['secret_missing', 100, 0.999_999, MINUTE],
  ])('after %s, failure %i, with the chance %d is %d ms', (code, count, random, expected) => {
    expect(Math.abs(pauseMs(code, count, { random }) - expected)).toBeLessThanOrEqual(30);
  });

  test.each<[ErrorCode, count: number, retryAfterMs: number, pauseMs: number]>([
    ['oauth_throttled', 1, 90 * SECOND, 90 * SECOND],
    ['invalid_client', 1, 20 * MINUTE, 20 * MINUTE],
    ['invalid_client', 7, SECOND, 45 * MINUTE],
    ['oauth_unavailable', 1, 10 * 365 * 24 * HOUR, HOUR],
  ])(
    'after %s, failure %i, is not shorter than the %d ms that the server asks for, up to an hour',
    (...row) => {
      const [code, count, retryAfterMs, expected] = row;
      expect(pauseMs(code, count, { retryAfterMs })).toBe(expected);
    },
  );

  test('is never longer than six hours, never negative, and a whole number', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...MINT_FAILURES),
        fc.integer({ min: 1, max: 10_000 }),
        fc.double({ min: 0, max: 0.999_999, noNaN: true }),
        fc.nat(),
        (code, count, random, retryAfterMs) => {
          const pause = pauseMs(code, count, { random, retryAfterMs });
          expect(pause).toBeGreaterThanOrEqual(Math.min(retryAfterMs, HOUR));
          expect(pause).toBeLessThanOrEqual(6 * HOUR);
          expect(Number.isInteger(pause)).toBe(true);
        },
      ),
    );
  });
});

test('refusals are counted together, and apart from outages', () => {
  const counts = counted(counted(counted({}, 'invalid_client'), 'oauth_unavailable'), 'invalid_scope');
  expect(counts).toEqual({ refusals: 2, outages: 1 });
});

/** A rule in README's words. */
function inWords({ first = [], ceilingMs, maxMs, from }: RetryRule): string {
  const start = ceilingMs ?? settings.backoffBaseMs;
  const end = maxMs ?? settings.backoffMaxMs;
  const spans = first.filter((pause) => pause !== 'tick');
  const moments = spans.map(
    (_, index) => spans.slice(0, index + 1).reduce((sum, ms) => sum + ms, 0) / SECOND,
  );
  const ticks = first.length - spans.length;
  const inTick = spans.length > 0 ? `after ${moments.join(' and ')} s and ` : '';
  const soon = first.length > 0 ? `${inTick}at the next ${ticks} ticks; then ` : '';
  const range = (ms: number): string =>
    from === 'zero' ? `up to ${span(ms)}` : `${amount(ms / 2, ms)} to ${span(ms)}`;
  if (start === end) return `after ${range(start)}`;
  return `${soon}after ${range(start)}, twice as long each time, up to ${span(end)}`;
}

function span(ms: number): string {
  const [unit, name] = ms >= HOUR ? [HOUR, 'h'] : ms >= MINUTE ? [MINUTE, 'min'] : [SECOND, 's'];
  return `${ms / unit} ${name}`;
}

/** A number in the unit of another, where that is the same. */
function amount(ms: number, beside: number): string {
  const [own, other] = [span(ms), span(beside)];
  return own.split(' ')[1] === other.split(' ')[1] ? (own.split(' ')[0] ?? '') : own;
}

test("README's table says what the policy does", () => {
  const readme = readFileSync('lib/minter/README.md', 'utf8');
  const codesOf = new Map<RetryRule, ErrorCode[]>();
  for (const [code, rule] of Object.entries(RETRY_RULES) as [ErrorCode, RetryRule][]) {
    codesOf.set(rule, [...(codesOf.get(rule) ?? []), code]);
  }
  const rows = [...codesOf].map(
    ([rule, codes]) => `| ${codes.map((code) => `\`${code}\``).join(', ')} | ${inWords(rule)} |`,
  );
  const [, table = ''] = readme.split('| error | tried again |\n|---|---|\n');
  expect(table.split('\n\n')[0]?.split('\n')).toEqual(rows);
});
