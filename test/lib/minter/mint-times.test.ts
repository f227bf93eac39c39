import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { jitterOf, refreshAtMs } from '../../../lib/minter/mint-times.ts';
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
