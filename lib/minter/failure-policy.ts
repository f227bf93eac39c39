import type { ErrorCode } from '../errors.ts';
import type { TokenSettings } from '../token/settings.ts';

/** What a failed mint calls for. */
export type Remedy =
  /** Try again after a back-off. */
  | 'retry'
  /** Read the secret again: if it has changed, retry once at once; else try again after a long back-off. */
  | 'reread-secret'
  /** Trying again cannot help until somebody changes the secret. */
  | 'park'
  /** The client is no more: no tick looks at it until its secret is back. */
  | 'forget'
  /** The client is not at fault: try again when the call budget allows. */
  | 'postpone'
  /** The firewall refused, and everybody rests: this client longer each time, since it may be its address alone. */
  | 'rest';

/** The whole policy. What is not in the table is retried. */
export const REMEDIES: Readonly<Partial<Record<ErrorCode, Remedy>>> = {
  oauth_unavailable: 'retry',
  oauth_throttled: 'retry',
  oauth_response_invalid: 'retry',
  oauth_error_unknown: 'retry',
  token_expired_on_arrival: 'retry',
  secret_unavailable: 'retry',
  token_store_unavailable: 'retry',
  // Never hammer: an authorization server may lock a client out after some attempts with a wrong secret.
  invalid_client: 'reread-secret',
  invalid_grant: 'park',
  invalid_request: 'park',
  invalid_scope: 'park',
  unsupported_grant_type: 'park',
  secret_malformed: 'park',
  secret_missing: 'forget',
  budget_exhausted: 'postpone',
  budget_blocked: 'postpone',
  budget_unavailable: 'postpone',
  budget_clock_unreliable: 'postpone',
  waf_blocked: 'rest',
};

export function remedyOf(code: ErrorCode): Remedy {
  return REMEDIES[code] ?? 'retry';
}

const LONG_BACKOFF_BASE_MS = 15 * 60_000;
const LONG_BACKOFF_MAX_MS = 6 * 3_600_000;
/** Nobody announces a new secret to a worker that asks: let it ask again. */
const FORGOTTEN_MS = 60_000;
/** A server may ask for a rest, not for retirement. */
const RETRY_AFTER_MAX_MS = 3_600_000;

export interface LastFailure {
  readonly code: ErrorCode;
  /** How many mints have failed in a row and in the same way, this one included. */
  readonly failures: number;
  readonly nowMs: number;
  /** The server's own wish (`Retry-After`), or how long everybody rests. */
  readonly retryAfterMs?: number | undefined;
}

/**
 * When to try again; `undefined`: not before the secret changes.
 *
 * Full jitter: anywhere between now and a ceiling that doubles with every failure. The long back-off takes its
 * jitter from the upper half, since it is there to keep away.
 *
 * @param random in [0, 1)
 */
export function nextTryMs(
  { code, failures, nowMs, retryAfterMs = 0 }: LastFailure,
  { backoffBaseMs, backoffMaxMs }: Pick<TokenSettings, 'backoffBaseMs' | 'backoffMaxMs'>,
  random: number,
): number | undefined {
  const wishedMs = Math.min(retryAfterMs, RETRY_AFTER_MAX_MS);
  switch (remedyOf(code)) {
    case 'park':
      return undefined;
    case 'forget':
      return nowMs + FORGOTTEN_MS;
    case 'rest':
      return nowMs + Math.ceil(doubled(wishedMs, failures, LONG_BACKOFF_MAX_MS));
    case 'reread-secret': {
      const ceilingMs = doubled(LONG_BACKOFF_BASE_MS, failures, LONG_BACKOFF_MAX_MS);
      return nowMs + Math.ceil(Math.max(wishedMs, ceilingMs * (0.5 + random / 2)));
    }
    default:
      return nowMs + Math.ceil(Math.max(wishedMs, doubled(backoffBaseMs, failures, backoffMaxMs) * random));
  }
}

function doubled(baseMs: number, failures: number, maxMs: number): number {
  return Math.min(maxMs, baseMs * 2 ** Math.min(failures - 1, 52));
}
