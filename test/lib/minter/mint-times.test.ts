import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { ClientRecord } from '../../../lib/minter/client-record.ts';
import {
  forcedMint,
  historyOf,
  isCheckDue,
  isLastTry,
  isPreviousDue,
  jitterOf,
  nextDueMs,
  refreshAtMs,
  renewalMs,
} from '../../../lib/minter/mint-times.ts';
import { accessToken, serveUntilMs } from '../../../lib/token/access-token.ts';
import { DEFAULT_TOKEN_SETTINGS } from '../../../lib/token/settings.ts';

const settings = DEFAULT_TOKEN_SETTINGS;
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

describe('the renewal of a token', () => {
  const lifetimes = fc.integer({ min: 1_000, max: DAY });
  const jitters = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

  test('a 10-minute token is replaced after 7.5 minutes, less at most one tick of jitter', () => {
    const token = accessToken('t', 0, 10 * MINUTE);
    expect(refreshAtMs(token, settings, 0)).toBe(7.5 * MINUTE);
    expect(refreshAtMs(token, settings, 0.5)).toBe(7 * MINUTE);
    expect(refreshAtMs(token, settings, 0.999_999)).toBeGreaterThanOrEqual(6.5 * MINUTE);
  });

  test('no token is replaced in the first half of its life', () => {
    fc.assert(
      fc.property(lifetimes, jitters, (lifetime, jitter) => {
        expect(refreshAtMs(accessToken('t', 0, lifetime), settings, jitter)).toBeGreaterThanOrEqual(
          Math.floor(lifetime / 2),
        );
      }),
    );
  });

  test('from 5 minutes up, a tick may be missed between the replacement and the last moment of service', () => {
    fc.assert(
      fc.property(fc.integer({ min: 5 * MINUTE, max: DAY }), jitters, (lifetime, jitter) => {
        const token = accessToken('t', 0, lifetime);
        expect(serveUntilMs(token, settings) - refreshAtMs(token, settings, jitter)).toBeGreaterThanOrEqual(
          2 * settings.tickMs,
        );
      }),
    );
  });

  test('the same client has the same jitter everywhere, and clients are spread', () => {
    const jitterValues = Array.from({ length: 1_000 }, (_, index) => jitterOf(`client-${index}`));
    expect(jitterOf('mocha')).toBe(jitterOf('mocha'));
    expect(jitterValues.every((jitter) => jitter >= 0 && jitter < 1)).toBe(true);
    const mean = jitterValues.reduce((sum, jitter) => sum + jitter, 0) / jitterValues.length;
    expect(mean).toBeGreaterThan(0.45);
    expect(mean).toBeLessThan(0.55);
  });
});

const NOW_MS = 100 * DAY;
const RECORD: ClientRecord = { wanted: false, counts: {} };
const { graceMs, tickMs, requestTimeoutMs, forcedMintFloorMs } = settings;

describe('the last try before a token ends', () => {
  /** The token can be served for so long. */
  const isDue = (servedForMs: number, lastTryForMs?: number): boolean => {
    const expiresAtMs = NOW_MS + servedForMs + graceMs;
    const tried = lastTryForMs === undefined ? {} : { lastTryForMs: expiresAtMs + lastTryForMs };
    return isLastTry({ ...RECORD, expiresAtMs, ...tried }, NOW_MS, settings);
  };

  test('is made when the next tick might come too late, a request that times out included', () => {
    expect([1, tickMs, tickMs + requestTimeoutMs].map((ms) => isDue(ms))).toEqual([true, true, true]);
    expect([0, tickMs + requestTimeoutMs + 1].map((ms) => isDue(ms))).toEqual([false, false]);
  });

  test('is made once for a token', () => {
    expect([isDue(1, 0), isDue(1, -1)]).toEqual([false, true]);
  });
});

describe('the previous version of a secret', () => {
  const refused: ClientRecord = {
    ...RECORD,
    ...{ errorCode: 'invalid_client', usedVersion: 'new', workedVersion: 'old' },
    ...{ refreshAtMs: NOW_MS + tickMs / 2, expiresAtMs: NOW_MS + DAY },
  };
  const without = (key: keyof ClientRecord): ClientRecord => {
    const { [key]: _, ...rest } = refused;
    return rest as ClientRecord;
  };

  test('is tried when the token would be renewed and the new version is refused', () => {
    expect(isPreviousDue(refused, NOW_MS, settings)).toBe(true);
    expect(isPreviousDue({ ...refused, previousForMs: NOW_MS }, NOW_MS, settings)).toBe(true);
  });

  test.each<[string, ClientRecord]>([
    ['nothing failed', without('errorCode')],
    ['something else failed', { ...refused, errorCode: 'waf_blocked' }],
    ['no version has worked', without('workedVersion')],
    ['the version that worked is the one that is refused', { ...refused, workedVersion: 'new' }],
    ['there is no token to renew', without('refreshAtMs')],
    ['the token is renewed later', { ...refused, refreshAtMs: NOW_MS + tickMs / 2 + 1 }],
    ['it was tried for this token', { ...refused, previousForMs: NOW_MS + DAY }],
  ])('is not tried if %s', (_, record) => {
    expect(isPreviousDue(record, NOW_MS, settings)).toBe(false);
  });
});

test('a version that is refused has worked before, has just changed, or never worked', () => {
  const record = { ...RECORD, usedVersion: 'v2', workedVersion: 'v1', changedAtMs: NOW_MS - 10 * MINUTE };
  expect(historyOf(record, undefined, NOW_MS)).toBe('worked before');
  expect(historyOf(record, 'v1', NOW_MS)).toBe('worked before');
  expect(historyOf(record, 'v2', NOW_MS - 1)).toBe('just changed');
  expect(historyOf(record, 'v2', NOW_MS)).toBe('never worked');
  expect(historyOf(record, 'v3', NOW_MS)).toBe('just changed');
});

test('the floor of forced mints doubles up to 15 minutes while they are fruitless, and begins anew', () => {
  let record = RECORD;
  let nowMs = NOW_MS;
  const force = (afterMs: number): number => {
    nowMs = Math.max(nowMs, record.forcedAgainAtMs ?? 0) + afterMs;
    const { atMs, againAtMs, mints } = forcedMint(record, nowMs, settings);
    record = { ...RECORD, forcedAtMs: atMs, forcedAgainAtMs: againAtMs, forcedMints: mints };
    return againAtMs - atMs;
  };
  const floors = Array.from({ length: 7 }, () => force(0));
  expect(floors).toEqual([1, 2, 4, 8, 16, 30, 30].map((times) => times * forcedMintFloorMs));
  expect(record.forcedMints).toBe(7);
  // One that comes a moment before the floor has passed twice is fruitless still.
  expect(force(15 * MINUTE - 1)).toBe(15 * MINUTE);
  expect(force(15 * MINUTE)).toBe(forcedMintFloorMs);
});

describe('a check', () => {
  const hourly = { ...settings, introspectEveryMs: 60 * MINUTE };
  const checked = (agoMs: number): ClientRecord => ({ ...RECORD, checkedAtMs: NOW_MS - agoMs });

  test('is due at the tick that is nearest to its time, if it is asked for', () => {
    expect(isCheckDue(checked(60 * MINUTE - tickMs / 2), NOW_MS, hourly)).toBe(true);
    expect(isCheckDue(checked(60 * MINUTE - tickMs / 2 - 1), NOW_MS, hourly)).toBe(false);
    expect(isCheckDue(checked(DAY), NOW_MS, settings)).toBe(false);
  });

  test('makes its client due, and so does the renewal', () => {
    const token = accessToken('t', NOW_MS, NOW_MS + DAY);
    const state = { nowMs: NOW_MS, checkedAtMs: NOW_MS - MINUTE, unchanged: false };
    expect(nextDueMs('mocha', token, state, hourly)).toBe(NOW_MS + 59 * MINUTE);
    const renewMs = renewalMs('mocha', token, settings);
    expect(nextDueMs('mocha', token, state, settings)).toBe(renewMs);
  });
});

test('a token that the server gives again is asked for when half of what is left has passed, and not before the next tick', () => {
  const unchanged = { checkedAtMs: undefined, unchanged: true };
  const token = accessToken('t', NOW_MS, NOW_MS + 10 * MINUTE);
  const due = (nowMs: number) => nextDueMs('mocha', token, { ...unchanged, nowMs }, settings);
  expect(due(NOW_MS + 7 * MINUTE)).toBe(NOW_MS + 8.25 * MINUTE);
  expect(due(NOW_MS + 9 * MINUTE)).toBe(NOW_MS + 9 * MINUTE + tickMs);
});
