import { createHash } from 'node:crypto';

import type { TokenSettings } from './settings.ts';

/**
 * A token, its expiry and until when it is served. The other moment that is derived from the expiry, when the token is replaced,
 * is the minter's: lib/minter/mint-times.ts.
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

export interface ExpirySources {
  /** Lifetime in seconds, counted from `requestedAtMs` (RFC 6749 section 5.1). */
  readonly expiresInSeconds?: number | undefined;
  /** The JWT's `exp`, Unix seconds (RFC 7519). */
  readonly jwtExpSeconds?: number | undefined;
  /** Introspection's `exp`, Unix seconds (RFC 7662). */
  readonly introspectedExpSeconds?: number | undefined;
}

/** Lifetimes are documented up to a day; what is beyond a year means something else, and counts as not stated. */
const MAX_LIFETIME_MS = 366 * 86_400_000;

/** The earliest source wins; none at all means the default lifetime, never "forever". */
export function expiryOf(
  requestedAtMs: number,
  sources: ExpirySources,
  { defaultLifetimeMs, graceMs }: Pick<TokenSettings, 'defaultLifetimeMs' | 'graceMs'>,
): { readonly expiresAtMs: number; readonly disagreementMs: number; readonly disagree: boolean } {
  const instants = [
    sources.expiresInSeconds === undefined ? undefined : requestedAtMs + sources.expiresInSeconds * 1000,
    sources.jwtExpSeconds === undefined ? undefined : sources.jwtExpSeconds * 1000,
    sources.introspectedExpSeconds === undefined ? undefined : sources.introspectedExpSeconds * 1000,
  ]
    .filter((instant) => instant !== undefined)
    .filter((instant) => instant <= requestedAtMs + MAX_LIFETIME_MS);
  if (instants.length === 0) {
    return { expiresAtMs: requestedAtMs + defaultLifetimeMs, disagreementMs: 0, disagree: false };
  }
  const earliest = Math.min(...instants);
  const disagreementMs = Math.max(...instants) - earliest;
  return { expiresAtMs: Math.floor(earliest), disagreementMs, disagree: disagreementMs > graceMs };
}
