import { createHash } from 'node:crypto';

import { type AccessToken, isServable, serveUntilMs } from '../token/access-token.ts';
import type { TokenSettings } from '../token/settings.ts';
import type { ClientRecord } from './client-record.ts';
import type { ForcedMint } from './client-records.ts';
import { type History, isRefusal } from './failure-policy.ts';

/** When the minter acts: pure decisions. */

/** Why a client is looked at: its time has come, or a worker has no token that works. */
export type MintReason =
  /** `dueAtMs` as its record shows it; `despiteRest`: minting pauses after a failure, but the token is about to end. */
  | { readonly kind: 'due'; readonly dueAtMs: number; readonly despiteRest?: LastResort | undefined }
  /** `rejected`: fingerprint of the token that the API refused; without it the worker has none at all. */
  | { readonly kind: 'request'; readonly rejected?: string | undefined };

/**
 * What is done once for a token that would otherwise end: `retry`, whatever the pause; `previous version`: of a secret whose
 * current version is refused.
 */
export type LastResort = 'retry' | 'previous version';

export function isForced(reason: MintReason): boolean {
  return reason.kind === 'request' && reason.rejected !== undefined;
}

/** The last resort that is due, if minting for the client pauses. */
export function lastResort(
  record: ClientRecord,
  nowMs: number,
  settings: TokenSettings,
): LastResort | undefined {
  if (isLastTry(record, nowMs, settings)) return 'retry';
  return isPreviousDue(record, nowMs, settings) ? 'previous version' : undefined;
}

/** Whether this is the last tick before the token in service ends, and nothing was tried for that yet. */
export function isLastTry(record: ClientRecord, nowMs: number, settings: TokenSettings): boolean {
  const { expiresAtMs = 0, lastTryForMs } = record;
  const serveUntilMs = expiresAtMs - settings.graceMs;
  const nextTickMs = nowMs + settings.tickMs + settings.requestTimeoutMs;
  return nowMs < serveUntilMs && serveUntilMs <= nextTickMs && lastTryForMs !== expiresAtMs;
}

/**
 * Whether the token in service would be renewed now, the secret's new version is refused, and the one that worked before it
 * was not tried yet for this token.
 */
export function isPreviousDue(record: ClientRecord, nowMs: number, settings: TokenSettings): boolean {
  const { errorCode, usedVersion, workedVersion, expiresAtMs, refreshAtMs, previousForMs } = record;
  if (errorCode === undefined || !isRefusal(errorCode)) return false;
  if (workedVersion === undefined || workedVersion === usedVersion) return false;
  if (refreshAtMs === undefined || refreshAtMs > tickHorizonMs(nowMs, settings)) return false;
  return previousForMs !== expiresAtMs;
}

/** For how long a version of a secret has just changed. */
const JUST_CHANGED_MS = 600_000;

/** @param versionId of the secret that was refused, if one was read */
export function historyOf(record: ClientRecord, versionId: string | undefined, nowMs: number): History {
  const { workedVersion, usedVersion, changedAtMs = 0 } = record;
  if (versionId === undefined || versionId === workedVersion) return 'worked before';
  const isFirstUse = versionId !== usedVersion;
  return isFirstUse || nowMs - changedAtMs < JUST_CHANGED_MS ? 'just changed' : 'never worked';
}

/** The floor of forced mints does not grow beyond this. */
const MAX_FORCED_FLOOR_MS = 900_000;

/**
 * The forced mint that ends now. Forced mints have a floor, so that an API which rejects everything starts no storm: it doubles
 * while the token that replaced a rejected one is rejected too, and begins anew once none was for as long as the floor.
 */
export function forcedMint(record: ClientRecord, nowMs: number, settings: TokenSettings): ForcedMint {
  const { forcedAtMs, forcedAgainAtMs = 0, forcedMints = 0 } = record;
  const lastFloorMs = forcedAtMs === undefined ? 0 : forcedAgainAtMs - forcedAtMs;
  const isFruitless = nowMs < forcedAgainAtMs + lastFloorMs;
  const floorMs = isFruitless
    ? Math.min(2 * lastFloorMs, Math.max(MAX_FORCED_FLOOR_MS, settings.forcedMintFloorMs))
    : settings.forcedMintFloorMs;
  return { atMs: nowMs, againAtMs: nowMs + floorMs, mints: forcedMints + 1 };
}

/** Ticks come at intervals, so what is due within half of one is due now: the nearest tick takes it. */
export function tickHorizonMs(nowMs: number, { tickMs }: Pick<TokenSettings, 'tickMs'>): number {
  return nowMs + tickMs / 2;
}

/** True if the token in the table will not do. */
export function isToBeReplaced(
  client: string,
  token: AccessToken,
  { record, reason, nowMs }: { record: ClientRecord; reason: MintReason; nowMs: number },
  settings: TokenSettings,
): boolean {
  if (reason.kind === 'request') {
    return token.fingerprint === reason.rejected || !isServable(token, nowMs, settings);
  }
  return record.wanted || renewalMs(client, token, settings) <= tickHorizonMs(nowMs, settings);
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

/** When the minter replaces a token of this client. */
export function renewalMs(client: string, token: AccessToken, settings: TokenSettings): number {
  return refreshAtMs(token, settings, jitterOf(client));
}

/** True if the authorization server is to be asked whether the token is still active. */
export function isCheckDue(
  { checkedAtMs = 0 }: ClientRecord,
  nowMs: number,
  settings: TokenSettings,
): boolean {
  const { introspectEveryMs } = settings;
  return introspectEveryMs !== undefined && checkedAtMs + introspectEveryMs <= tickHorizonMs(nowMs, settings);
}

/** When to look at a client next: to replace its token or, if that is asked for, to check it. */
export function nextDueMs(
  client: string,
  token: AccessToken,
  state: {
    readonly nowMs: number;
    readonly checkedAtMs: number | undefined;
    /** The server answered with the token that was there: asking again at once would bring it again. */
    readonly unchanged: boolean;
  },
  settings: TokenSettings,
): number {
  const { nowMs, checkedAtMs = nowMs, unchanged } = state;
  const { tickMs, introspectEveryMs = Number.POSITIVE_INFINITY } = settings;
  const refreshMs = renewalMs(client, token, settings);
  const laterMs = nowMs + Math.max(tickMs, (serveUntilMs(token, settings) - nowMs) / 2);
  const replaceMs = unchanged ? Math.max(refreshMs, laterMs) : refreshMs;
  return Math.floor(Math.min(replaceMs, Math.max(checkedAtMs + introspectEveryMs, nowMs)));
}
