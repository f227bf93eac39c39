import { createHash } from 'node:crypto';

import type { TokenSettings } from './settings.ts';

/**
 * The times of a token. Two numbers are derived from its expiry, here and nowhere else: until when it is
 * served, and when it is replaced.
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

/** A long life leaves time for an outage: a tenth of it, and no more than this. */
const MAX_MARGIN_MS = 3_600_000;

/**
 * When the minter replaces a token: early enough that one missed tick costs no served token, a tenth of its life before
 * its end but at most an hour, and never in the first half of its life. `jitter` in [0, 1) spreads the clients over one
 * tick.
 */
export function refreshAtMs(
  token: AccessToken,
  { graceMs, tickMs }: Pick<TokenSettings, 'graceMs' | 'tickMs'>,
  jitter: number,
): number {
  const lifetimeMs = token.expiresAtMs - token.issuedAtMs;
  const wantedMs = Math.max(graceMs + 2 * tickMs, Math.min(lifetimeMs / 10, MAX_MARGIN_MS));
  const marginMs = Math.min(lifetimeMs / 2, wantedMs);
  const roomMs = Math.min(tickMs, lifetimeMs / 2 - marginMs);
  return Math.floor(token.expiresAtMs - marginMs - jitter * Math.max(0, roomMs));
}

/** The same client gets the same jitter on every instance: a number in [0, 1) from its name. */
export function jitterOf(client: string): number {
  return createHash('sha256').update(client).digest().readUInt32BE(0) / 2 ** 32;
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
