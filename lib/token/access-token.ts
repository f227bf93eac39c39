import { createHash } from 'node:crypto';

import type { TokenSettings } from './settings.ts';

/**
 * A token, and until when it is served. When it ends, and when it is replaced, are the minter's to say: lib/minter/token-expiry.ts
 * and lib/minter/mint-times.ts.
 */

/** A token as the table and the workers hold it. */
export interface AccessToken {
  /** Secret. Not enumerable, so that it stays out of logs and serialisations. */
  readonly value: string;
  readonly fingerprint: string;
  /** When the request that brought it was sent. */
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

export function accessToken(value: string, issuedAtMs: number, expiresAtMs: number): AccessToken {
  const token = { fingerprint: fingerprintOf(value), issuedAtMs, expiresAtMs };
  return Object.defineProperty(token, 'value', { value }) as AccessToken;
}

/** First 16 hex digits of SHA-256: names a token in logs and conditions, safe to print. */
export function fingerprintOf(value: string): string {
  return createHash('sha256').update(value).digest('hex').slice(0, 16);
}

/** A token is not served in the last part of its life, since clocks differ (vendor document: 30 seconds). */
export function serveUntilMs(token: AccessToken, { graceMs }: Pick<TokenSettings, 'graceMs'>): number {
  return token.expiresAtMs - graceMs;
}

export function isServable(
  token: AccessToken,
  nowMs: number,
  settings: Pick<TokenSettings, 'graceMs'>,
): boolean {
  return nowMs < serveUntilMs(token, settings);
}
