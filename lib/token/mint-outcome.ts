import type { ErrorCode } from '../errors.ts';

/** What the minter answers. Never a token: that comes through the table. */
export type MintOutcome =
  /** The table holds a token that may be served and is not the rejected one. */
  | { readonly status: 'minted' | 'current'; readonly fingerprint: string }
  /**
   * Nothing has failed, but no token can be had before `retryAtMs`: another minter is at it, a rule says wait, or
   * (then with a `code`) the call budget does.
   */
  | { readonly status: 'pending'; readonly retryAtMs: number; readonly code?: ErrorCode }
  /** No token can be had before `retryAtMs`, which minters of older releases leave out. */
  | { readonly status: 'failed'; readonly code: ErrorCode; readonly retryAtMs?: number };

/** Whether an answer is one: it comes over the network, from a minter that may be of another version. */
export function isMintOutcome(answer: unknown): answer is MintOutcome {
  if (typeof answer !== 'object' || answer === null) return false;
  const { status, fingerprint, retryAtMs, code } = answer as Readonly<Record<string, unknown>>;
  if (status === 'minted' || status === 'current') return typeof fingerprint === 'string';
  if (status === 'pending') return typeof retryAtMs === 'number';
  return (
    status === 'failed' &&
    typeof code === 'string' &&
    (retryAtMs === undefined || typeof retryAtMs === 'number')
  );
}
