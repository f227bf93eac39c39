import type { Secrets } from '../credentials/secrets.ts';
import type { MintOutcome } from '../token/mint-outcome.ts';
import type { TokenStore } from '../token/token-store.ts';
import type { ClientRecord } from './client-record.ts';
import type { ClientRecords, Lease } from './client-records.ts';
import type { MintReason } from './mint-times.ts';
import type { Requests } from './obtain-token.ts';

/** One mint: the right to it, what is known of its client, and what it talks to. */
export interface LeasedMint {
  readonly lease: Lease;
  /** As it was when the lease began, at `beganAtMs`. */
  readonly record: ClientRecord;
  readonly beganAtMs: number;
  readonly reason: MintReason;
  readonly store: TokenStore;
  readonly clientRecords: ClientRecords;
  readonly secrets: Pick<Secrets, 'read'>;
  readonly requests: Requests;
  /** In [0, 1). */
  readonly random: () => number;
}

export interface MintResult {
  readonly outcome: MintOutcome;
  /** Expiry of the token that the table holds, as far as it is known. */
  readonly expiresAtMs?: number | undefined;
  /** The secret's version in use is refused, whether or not the previous one brought a token. */
  readonly isFailing?: boolean;
  /** It failed, and is tried again so soon that this invocation may do it. */
  readonly isSoon?: boolean;
}
