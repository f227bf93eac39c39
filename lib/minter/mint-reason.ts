import type { MintOutcome } from '../token/mint-outcome.ts';

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

export interface MintResult {
  readonly outcome: MintOutcome;
  /** Expiry of the token that the table holds, as far as it is known. */
  readonly expiresAtMs?: number | undefined;
}
