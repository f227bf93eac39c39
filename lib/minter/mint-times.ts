import { type AccessToken, isServable, jitterOf, refreshAtMs, serveUntilMs } from '../token/access-token.ts';
import type { TokenSettings } from '../token/settings.ts';
import type { ClientRecord } from './client-record.ts';

/** When the minter acts: pure decisions. */

/** Why a client is looked at: its time has come, or a worker has no token that works. */
export type MintReason =
  /** `dueAtMs` as its record shows it. */
  | { readonly kind: 'due'; readonly dueAtMs: number }
  /** `rejected`: fingerprint of the token that the API refused; without it the worker has none at all. */
  | { readonly kind: 'request'; readonly rejected?: string | undefined };

/** Forced mints have a floor, so that an API which rejects everything starts no storm. */
export function isForced(reason: MintReason): boolean {
  return reason.kind === 'request' && reason.rejected !== undefined;
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
  const refreshMs = refreshAtMs(token, settings, jitterOf(client));
  return record.wanted || refreshMs <= tickHorizonMs(nowMs, settings);
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
  const refreshMs = refreshAtMs(token, settings, jitterOf(client));
  const laterMs = nowMs + Math.max(tickMs, (serveUntilMs(token, settings) - nowMs) / 2);
  const replaceMs = unchanged ? Math.max(refreshMs, laterMs) : refreshMs;
  return Math.floor(Math.min(replaceMs, Math.max(checkedAtMs + introspectEveryMs, nowMs)));
}
