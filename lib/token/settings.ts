import { defaultsOf, milliseconds, type Schema } from '../platform/schema.ts';

/** How long tokens are served and when they are replaced. Milliseconds throughout. */
export interface TokenSettings {
  /** A token is not served in the last `graceMs` of its life (vendor document: about 30 seconds). */
  readonly graceMs: number;
  /** The interval of the minter's schedule. */
  readonly tickMs: number;
  /** The life of a token that says nothing of it: the shortest that the vendor documents. */
  readonly defaultLifetimeMs: number;
  /** At most one mint per client in this span may be forced by rejected tokens. */
  readonly forcedMintFloorMs: number;
  /** A rejected token younger than this is waited for, not replaced. */
  readonly youngTokenMs: number;
  /** How long one request to the authorization server may take. */
  readonly requestTimeoutMs: number;
  /** The first ceiling of the back-off after a failed mint; it doubles with each further one. */
  readonly backoffBaseMs: number;
  /** The last ceiling of that back-off. */
  readonly backoffMaxMs: number;
  /**
   * How often the minter asks the authorization server whether a token is still active, to find a revoked one before
   * a worker does. Each check takes a ticket of the minter's stream.
   * @default - never
   */
  readonly introspectEveryMs?: number;
}

export const TOKEN_SCHEMA = {
  graceMs: milliseconds(30_000, 0),
  tickMs: milliseconds(60_000),
  defaultLifetimeMs: milliseconds(600_000),
  forcedMintFloorMs: milliseconds(30_000, 0),
  youngTokenMs: milliseconds(5_000, 0),
  requestTimeoutMs: milliseconds(10_000),
  backoffBaseMs: milliseconds(1_000),
  // With the request's own time less than a tick, so that no tick passes by a server that is back.
  backoffMaxMs: milliseconds(45_000),
  introspectEveryMs: milliseconds(undefined),
} satisfies Schema<TokenSettings>;

export const DEFAULT_TOKEN_SETTINGS = defaultsOf<TokenSettings>(TOKEN_SCHEMA);
