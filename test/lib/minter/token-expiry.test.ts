import { describe, expect, test } from 'vitest';

import { expiryOf } from '../../../lib/minter/token-expiry.ts';
import { DEFAULT_TOKEN_SETTINGS } from '../../../lib/token/settings.ts';

const settings = DEFAULT_TOKEN_SETTINGS;
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

describe('the expiry of a token', () => {
  const sentAt = Date.parse('2023-12-22T20:49:01Z');

  test("agrees with the vendor's example: 1800 seconds from 20:49:01, and exp 1703279941", () => {
    const { expiresAtMs, disagree } = expiryOf(
      sentAt,
      { expiresInSeconds: 1800, jwtExpSeconds: 1703279941 },
      settings,
    );
    expect(new Date(expiresAtMs).toISOString()).toBe('2023-12-22T21:19:01.000Z');
    expect(disagree).toBe(false);
  });

  test.each([
    ['expires_in', { expiresInSeconds: 600, jwtExpSeconds: sentAt / 1000 + 700 }, 600],
    ['the JWT', { expiresInSeconds: 1800, jwtExpSeconds: sentAt / 1000 + 700 }, 700],
    ['introspection', { expiresInSeconds: 1800, introspectedExpSeconds: sentAt / 1000 + 60 }, 60],
  ])('takes the earliest: %s', (_, sources, seconds) => {
    const expiry = expiryOf(sentAt, sources, settings);
    expect(expiry.expiresAtMs).toBe(sentAt + seconds * 1000);
    expect(expiry.disagree).toBe(true);
  });

  test('takes the shortest documented life, never "forever", where nothing is said', () => {
    expect(expiryOf(sentAt, {}, settings).expiresAtMs).toBe(sentAt + 10 * MINUTE);
  });

  test('calls a difference of the grace itself no disagreement', () => {
    const sources = { expiresInSeconds: 600, jwtExpSeconds: sentAt / 1000 + 630 };
    expect(expiryOf(sentAt, sources, settings).disagree).toBe(false);
  });
});

test.each(['expiresInSeconds', 'jwtExpSeconds', 'introspectedExpSeconds'] as const)(
  'more than a year by %s counts as not stated',
  (source) => {
    const nowMs = Date.parse('2026-01-01T00:00:00Z');
    const inAYear = source === 'expiresInSeconds' ? 366 * 86_400 : nowMs / 1000 + 366 * 86_400;
    expect(expiryOf(nowMs, { [source]: inAYear }, settings).expiresAtMs).toBe(nowMs + 366 * DAY);
    expect(expiryOf(nowMs, { [source]: inAYear + 1 }, settings)).toEqual({
      expiresAtMs: nowMs + settings.defaultLifetimeMs,
      disagreementMs: 0,
      disagree: false,
    });
  },
);
