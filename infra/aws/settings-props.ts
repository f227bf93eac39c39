import type { Duration } from 'aws-cdk-lib/core';

/** How long tokens are served and when they are replaced: what differs from the defaults. */
export interface TokenLifeOptions {
  /**
   * A token is not served in this last part of its life, since clocks differ.
   * @default Duration.seconds(30)
   */
  readonly grace?: Duration | undefined;
  /**
   * The life of a token that says nothing of it: the shortest that the vendor documents.
   * @default Duration.minutes(10)
   */
  readonly defaultLifetime?: Duration | undefined;
  /**
   * At most one mint per client in this span may be forced by rejected tokens.
   * @default Duration.seconds(30)
   */
  readonly forcedMintFloor?: Duration | undefined;
  /**
   * A rejected token younger than this is waited for, not replaced.
   * @default Duration.seconds(5)
   */
  readonly youngToken?: Duration | undefined;
  /**
   * How long one request to the authorization server may take.
   * @default Duration.seconds(10)
   */
  readonly requestTimeout?: Duration | undefined;
  /**
   * The first ceiling of the back-off after a failed mint; it doubles with each further one.
   * @default Duration.seconds(1)
   */
  readonly backoffBase?: Duration | undefined;
  /**
   * The last ceiling of that back-off.
   * @default Duration.seconds(45)
   */
  readonly backoffMax?: Duration | undefined;
  /**
   * How often the minter asks the authorization server whether a token is still active, to find a revoked one before
   * a worker does.
   * @default - never
   */
  readonly introspectEvery?: Duration | undefined;
}

/** One stream of a budget's tickets: what differs from the defaults. */
export interface StreamOptions {
  /**
   * From one ticket to the next.
   * @default - 170 ms for workers, 10 s for the minter
   */
  readonly interval?: Duration | undefined;
  /**
   * How late a ticket may be used, counted from the moment at which it becomes valid.
   * @default - 15 s for workers, 50 s for the minter
   */
  readonly ticketLife?: Duration | undefined;
  /**
   * How old a ticket may be when it is taken, at most its life.
   * @default - 1 s for workers, 40 s for the minter
   */
  readonly burst?: Duration | undefined;
  /**
   * How far ahead tickets are handed out: the length of the line.
   * @default - 20 s for workers, 10 s for the minter
   */
  readonly horizon?: Duration | undefined;
}

/** The calls that one egress address may make: what differs from the defaults. */
export interface BudgetOptions {
  /**
   * One budget per egress address: 1 to 64 letters, digits and `_.-`.
   * @default default
   */
  readonly name?: string | undefined;
  /**
   * The calls that the WAF allows in any window.
   * @default 2000
   */
  readonly limit?: number | undefined;
  /**
   * The length of the WAF's rolling window.
   * @default Duration.minutes(5)
   */
  readonly window?: Duration | undefined;
  /**
   * How far a caller's clock may be off after correction.
   * @default Duration.seconds(2)
   */
  readonly clockAllowance?: Duration | undefined;
  /**
   * How long a request may take from the check at the wire to the WAF.
   * @default Duration.seconds(3)
   */
  readonly networkDelay?: Duration | undefined;
  /**
   * How to tell the WAF's refusal from an answer of the API or of the authorization server: a 403 whose body is not
   * JSON, or every 403.
   * @default not-json
   */
  readonly wafRule?: 'not-json' | 'any-403' | undefined;
  /**
   * The stream of all functions that call the API.
   * @default - the defaults of a stream of workers
   */
  readonly worker?: StreamOptions | undefined;
  /**
   * The stream of token and introspection requests, which are calls too.
   * @default - the defaults of the minter's stream
   */
  readonly minter?: StreamOptions | undefined;
}
