import { type ClientRecord, isFailing } from '../../lib/minter/client-record.ts';
import { historyOf } from '../../lib/minter/mint-times.ts';
import { type AccessToken, serveUntilMs } from '../../lib/token/access-token.ts';
import type { MintClaim } from '../../lib/token/mint-requests.ts';
import type { TokenSettings } from '../../lib/token/settings.ts';

/**
 * The state of a client in one flat row, without its token: unknown values are null, and every row has the same fields in
 * the same order. Moments are ISO 8601, of UTC.
 */
export interface ClientRow {
  readonly client: string;
  /**
   * Of its token: `served` to workers; in its last seconds, `expiring`, not any more; `expired`; `missing`. `unknown`: there is
   * no such secret and no token.
   */
  readonly state: 'served' | 'expiring' | 'expired' | 'missing' | 'unknown';
  /** Until workers are no longer given the token. */
  readonly secondsLeft: number | null;
  readonly fingerprint: string | null;
  readonly issuedAt: string | null;
  readonly expiresAt: string | null;
  /** Since when the client is known, and when a token was last minted. */
  readonly since: string | null;
  readonly mintedAt: string | null;
  /** What the minter does next for it, when, and the how-manieth client is then due: 1 is the next. */
  readonly next: NextStep | null;
  readonly nextAt: string | null;
  readonly place: number | null;
  /** Why no new token could be had, if the last mint failed: how often in a row, and since when. */
  readonly error: string | null;
  readonly message: string | null;
  readonly failures: number;
  readonly failingSince: string | null;
  /** Whether the secret is there; null: Secrets Manager could not be asked. */
  readonly secret: 'there' | 'gone' | null;
  /** The secret's version in use, and what is known of it. */
  readonly version: string | null;
  readonly credentials: 'worked before' | 'just changed' | 'never worked' | null;
  /** How many mints rejected tokens have caused, and when the last one. */
  readonly forcedMints: number;
  readonly forcedAt: string | null;
  /** When a worker last asked the minter for a token. */
  readonly askedAt: string | null;
  /** What the authorization server says of the token (RFC 7662), if it was asked; otherwise all are null. */
  readonly active: boolean | null;
  readonly activeUntil: string | null;
  readonly scope: string | null;
  /** Why it could not be asked: an error's code. */
  readonly introspectionError: string | null;
}

export type NextStep = 'first token' | 'renewal' | 'changed secret' | 'rejected token' | 'retry' | 'check';

export interface ClientFacts {
  readonly client: string;
  readonly token: AccessToken | undefined;
  readonly record: ClientRecord | undefined;
  readonly claim: MintClaim | undefined;
  readonly secret: 'there' | 'gone' | null;
}

/** What the authorization server was asked, and said. */
export type Asked = Pick<ClientRow, 'active' | 'activeUntil' | 'scope' | 'introspectionError'>;

export const NOT_ASKED: Asked = { active: null, activeUntil: null, scope: null, introspectionError: null };

export function clientRow(
  { client, token, record, claim, secret }: ClientFacts,
  { nowMs, place, asked }: { nowMs: number; place: number | null; asked: Asked },
  settings: TokenSettings,
): ClientRow {
  const { usedVersion, listedVersion = usedVersion } = record ?? {};
  const step = nextStep(record, settings);
  return {
    client,
    state: token ? stateOf(token, nowMs, settings) : secret === 'gone' ? 'unknown' : 'missing',
    secondsLeft: token ? Math.max(0, Math.floor((serveUntilMs(token, settings) - nowMs) / 1000)) : null,
    fingerprint: token?.fingerprint ?? null,
    issuedAt: iso(token?.issuedAtMs),
    expiresAt: iso(token?.expiresAtMs),
    since: iso(record?.knownSinceMs),
    mintedAt: iso(record?.mintedAtMs),
    next: step?.next ?? null,
    nextAt: iso(step?.atMs),
    place,
    error: record?.errorCode ?? null,
    message: record?.errorMessage ?? null,
    failures: Object.values(record?.counts ?? {}).reduce((sum, count) => sum + count, 0),
    failingSince: iso(record?.failingSinceMs),
    secret,
    version: listedVersion ?? null,
    credentials: record && listedVersion ? historyOf(record, listedVersion, nowMs) : null,
    forcedMints: record?.forcedMints ?? 0,
    forcedAt: iso(record?.forcedAtMs),
    askedAt: iso(claim?.atMs),
    ...asked,
  };
}

/** What the minter does next for a client, and when. */
export function nextStep(
  record: ClientRecord | undefined,
  settings: TokenSettings,
): { readonly next: NextStep; readonly atMs: number } | undefined {
  if (record?.dueAtMs === undefined) return undefined;
  const { dueAtMs, retryAtMs = dueAtMs, expiresAtMs, refreshAtMs, lastTryForMs } = record;
  if (isFailing(record)) {
    // One try is made at the last tick before the token in service ends.
    const lastMs = (expiresAtMs ?? 0) - settings.graceMs - settings.tickMs;
    const isLastFirst = expiresAtMs !== lastTryForMs && dueAtMs < lastMs && lastMs < retryAtMs;
    return { next: 'retry', atMs: isLastFirst ? lastMs : retryAtMs };
  }
  if (expiresAtMs === undefined) return { next: 'first token', atMs: dueAtMs };
  if (record.wanted) {
    const isChanged = record.listedVersion !== undefined && record.listedVersion !== record.usedVersion;
    return { next: isChanged ? 'changed secret' : 'rejected token', atMs: dueAtMs };
  }
  return { next: refreshAtMs !== undefined && dueAtMs < refreshAtMs ? 'check' : 'renewal', atMs: dueAtMs };
}

function stateOf(token: AccessToken, nowMs: number, settings: TokenSettings): ClientRow['state'] {
  if (nowMs < serveUntilMs(token, settings)) return 'served';
  return nowMs < token.expiresAtMs ? 'expiring' : 'expired';
}

export function iso(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
