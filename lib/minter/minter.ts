import type { MintBudget } from '../budget/mint-budget.ts';
import type { Secrets } from '../credentials/secrets.ts';
import { isPlumeError } from '../errors.ts';
import type { Clock, Now } from '../platform/clock.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { isServable } from '../token/access-token.ts';
import type { MintOutcome } from '../token/mint-outcome.ts';
import { isHonoured, type MintRequests } from '../token/mint-requests.ts';
import type { TokenSettings } from '../token/settings.ts';
import type { TokenStore } from '../token/token-store.ts';
import { isResting } from './client-record.ts';
import type { ClientRecords } from './client-records.ts';
import type { LeasedMint, MintResult } from './leased-mint.ts';
import { createMintTickets, kindOfMint } from './mint-ticket.ts';
import { isForced, type MintReason } from './mint-times.ts';
import { leaseMs, mintUnderLease } from './mint-under-lease.ts';
import { type FailedMint, LOOK_AGAIN_MS, recordFailure, renewWithPreviousVersion } from './record-failure.ts';

export interface Minter {
  /**
   * Sees to it that the table holds a good token: mints if need be, one at a time per client in all instances.
   *
   * @param timeLeftMs what is left of the invocation; no request is sent that might not be done by its end
   * @throws {PlumeError} `token_store_unavailable` if the table cannot be reached: trying again is safe
   */
  mint(client: string, reason: MintReason, timeLeftMs: () => number): Promise<MintResult>;
}

export interface MinterDependencies {
  readonly store: TokenStore;
  readonly clientRecords: ClientRecords;
  /** What workers asked for. */
  readonly mintRequests: Pick<MintRequests, 'lastClaim'>;
  readonly secrets: Pick<Secrets, 'read'>;
  readonly budget: MintBudget;
  readonly fetch: typeof fetch;
  readonly settings: TokenSettings;
  /** Corrected, as workers and other minters have it. */
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** In [0, 1). */
  readonly random: () => number;
  /** Another one at every call. */
  readonly newOwner: () => string;
}

/** In time-outs of a request: how long before the end the last request may be sent. */
export const LAST_REQUEST = 1.5;

export function createMinter(dependencies: MinterDependencies): Minter {
  return new LeasingMinter(dependencies);
}

type Held = Pick<LeasedMint, 'lease' | 'record' | 'reason'>;

class LeasingMinter implements Minter {
  readonly #dependencies: MinterDependencies;
  readonly #now: Now;

  constructor(dependencies: MinterDependencies) {
    this.#dependencies = dependencies;
    this.#now = dependencies.clock.now;
  }

  async mint(client: string, reason: MintReason, timeLeftMs: () => number): Promise<MintResult> {
    const answer = reason.kind === 'request' ? await this.#answerAtOnce(client, reason.rejected) : undefined;
    if (answer !== undefined) return { outcome: answer };
    const held = await this.#acquire(client, reason);
    if (held === undefined) return { outcome: await this.#whyNoLease(client, reason) };
    return await this.#mintUnderLease(held, timeLeftMs);
  }

  /**
   * What needs no lease: the table holds another token, the rejected one is so young that the API may not know it, or no
   * worker of the client has asked.
   */
  async #answerAtOnce(client: string, rejected: string | undefined): Promise<MintOutcome | undefined> {
    const { store, mintRequests, settings, telemetry } = this.#dependencies;
    const token = (await store.read(client))?.token;
    if (token !== undefined && isServable(token, this.#now(), settings)) {
      if (token.fingerprint !== rejected) return { status: 'current', fingerprint: token.fingerprint };
      const oldEnoughAtMs = token.issuedAtMs + settings.youngTokenMs;
      if (this.#now() < oldEnoughAtMs) return { status: 'pending', retryAtMs: oldEnoughAtMs };
    }
    if (isHonoured(await mintRequests.lastClaim(client), rejected, this.#now())) return undefined;
    telemetry.log('warn', 'a mint request was ignored: no function that may use the client has claimed it', {
      client,
    });
    return { status: 'pending', retryAtMs: this.#now() + LOOK_AGAIN_MS };
  }

  async #acquire(client: string, reason: MintReason): Promise<Held | undefined> {
    const { clientRecords, budget, settings, newOwner } = this.#dependencies;
    const nowMs = this.#now();
    const acquired = await clientRecords.acquire({
      client,
      owner: newOwner(),
      nowMs,
      untilMs: nowMs + leaseMs(budget, settings),
      ...(reason.kind === 'due' && {
        dueAtMs: reason.dueAtMs,
        despiteRest: reason.despiteRest !== undefined,
      }),
      isForced: isForced(reason),
    });
    return acquired && { ...acquired, reason };
  }

  async #whyNoLease(client: string, reason: MintReason): Promise<MintOutcome> {
    const record = await this.#dependencies.clientRecords.read(client);
    const nowMs = this.#now();
    if (record && isResting(record, nowMs)) {
      const { errorCode: code, retryAtMs = nowMs } = record;
      return { status: 'failed', code, retryAtMs };
    }
    const { leaseUntilMs = 0, forcedAgainAtMs = 0 } = record ?? {};
    const isFloored = leaseUntilMs <= nowMs && isForced(reason);
    return { status: 'pending', retryAtMs: Math.max(isFloored ? forcedAgainAtMs : 0, nowMs + LOOK_AGAIN_MS) };
  }

  async #mintUnderLease(held: Held, timeLeftMs: () => number): Promise<MintResult> {
    const { budget, settings, clientRecords } = this.#dependencies;
    const now = this.#now;
    const beganAtMs = now();
    const { lease, record, reason } = held;
    const endMs = Math.min(lease.untilMs, beganAtMs + timeLeftMs());
    const sendByMs = endMs - LAST_REQUEST * settings.requestTimeoutMs;
    const kind = kindOfMint(reason, record);
    const tickets = createMintTickets({ client: lease.client, budget, kind, now, sendByMs });
    const requests = { ...this.#dependencies, now, ...tickets };
    const mint: LeasedMint = { ...this.#dependencies, ...held, beganAtMs, requests };
    if (reason.kind === 'due' && reason.despiteRest === 'previous version')
      return await renewWithPreviousVersion(mint);
    const end = await mintUnderLease(mint).catch(async (error: unknown): Promise<FailedMint> => {
      if (isPlumeError(error)) return { error };
      await clientRecords.release(lease);
      throw error;
    });
    return 'error' in end ? await recordFailure(mint, end) : end;
  }
}
