import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { accessToken, fingerprintOf, isServable, serveUntilMs } from '../../../lib/token/access-token.ts';
import { DEFAULT_TOKEN_SETTINGS } from '../../../lib/token/settings.ts';

const settings = DEFAULT_TOKEN_SETTINGS;
const MINUTE = 60_000;

test('a token is not served in its last 30 seconds', () => {
  const token = accessToken('t', 0, 10 * MINUTE);
  expect(serveUntilMs(token, settings)).toBe(570_000);
  expect(isServable(token, 569_999, settings)).toBe(true);
  expect(isServable(token, 570_000, settings)).toBe(false);
});

test('a token shows its fingerprint and never itself', () => {
  const token = accessToken('MARKER-secret-token', 1, 2);
  expect(token.value).toBe('MARKER-secret-token');
  expect(token.fingerprint).toBe(fingerprintOf('MARKER-secret-token'));
  expect(token.fingerprint).toMatch(/^[0-9a-f]{16}$/);
  expect(
    `${inspect(token, { depth: 9 })}${JSON.stringify(token)}${JSON.stringify({ ...token })}`,
  ).not.toContain('MARKER');
});
