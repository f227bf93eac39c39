import type { MintBudget } from '../budget/mint-budget.ts';
import type { Secrets } from '../credentials/secrets.ts';
import { isPlumeError, type PlumeError } from '../errors.ts';
import type { Clock, Now } from '../platform/clock.ts';
import { errorFields } from '../telemetry/error-fields.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { isServable } from '../token/access-token.ts';
import type { MintOutcome } from '../token/mint-outcome.ts';
import type { TokenSettings } from '../token/settings.ts';
import type { TokenStore } from '../token/token-store.ts';
import { WafBlockedError } from '../waf/errors.ts';
import { type ClientRecord, isResting } from './client-record.ts';
import type { ClientRecords, Lease } from './client-records.ts';
import { nextTryMs, remedyOf } from './failure-policy.ts';
import { createMintTickets, kindOfMint } from './mint-ticket.ts';
import { isForced, type MintReason } from './mint-times.ts';
import { type FailedMint, type MintResult, mintUnderLease } from './mint-under-lease.ts';

export interface Minter {
  /**
   * Sees to it that the table holds a good token: mints if need be, one at a time per client in all instances.
   *
   * @param deadlineMs when the invocation ends; no request is sent that might not be done by then
   * @throws {PlumeError} `token_store_unavailable` if the table is away: trying again is safe
   */
  mint(client: string, reason: MintReason, deadlineMs: number): Promise<MintResult>;
}

export interface MinterDependencies {
  readonly store: TokenStore;
  readonly clientRecords: ClientRecords;
  readonly secrets: Pick<Secrets, 'read'>;
  readonly budget: MintBudget;
  readonly fetch: typeof fetch;
  readonly settings: TokenSettings;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** In [0, 1). */
  readonly random: () => number;
  /** Another one at every call. */
  readonly newOwner: () => string;
}

/** In time-outs of a request, besides the wait for a ticket: two requests, and the rest. */
const LEASE_LENGTH = 3;
/** In time-outs of a request: how long before the end the last request may be sent. */
export const LAST_REQUEST = 1.5;
/** How soon to look again when another minter is at work: most mints take less. */
const LOOK_AGAIN_MS = 1_000;

export function createMinter(dependencies: MinterDependencies): Minter {
  return new LeasingMinter(dependencies);
}

/** The right to mint for a client, with its record as it was when the lease began. */
interface Held {
  readonly lease: Lease;
  readonly record: ClientRecord;
  readonly reason: MintReason;
}

class LeasingMinter implements Minter {
  readonly #dependencies: MinterDependencies;
  readonly #now: Now;

  constructor(dependencies: MinterDependencies) {
    this.#dependencies = dependencies;
    this.#now = dependencies.clock.now;
  }

  async mint(client: string, reason: MintReason, deadlineMs: number): Promise<MintResult> {
    const answer = reason.kind === 'request' ? await this.#answerAtOnce(client, reason.rejected) : undefined;
    if (answer !== undefined) return { outcome: answer };
    const held = await this.#acquire(client, reason);
    if (held === undefined) return { outcome: await this.#whyNoLease(client, reason) };
    const end = await this.#mintUnderLease(held, deadlineMs);
    if ('outcome' in end) return end;
    return { outcome: await this.#recordFailure(held, end), expiresAtMs: held.record.expiresAtMs };
  }

  /** What needs no lease: the table holds another token, or the rejected one is so young that the API may not know it. */
  async #answerAtOnce(client: string, rejected: string | undefined): Promise<MintOutcome | undefined> {
    const { store, settings } = this.#dependencies;
    const token = (await store.read(client))?.token;
    if (token === undefined || !isServable(token, this.#now(), settings)) return undefined;
    if (token.fingerprint !== rejected) return { status: 'current', fingerprint: token.fingerprint };
    const oldEnoughAtMs = token.issuedAtMs + settings.youngTokenMs;
    return this.#now() < oldEnoughAtMs ? { status: 'pending', retryAtMs: oldEnoughAtMs } : undefined;
  }

  async #acquire(client: string, reason: MintReason): Promise<Held | undefined> {
    const { clientRecords, budget, settings, newOwner } = this.#dependencies;
    const nowMs = this.#now();
    const acquired = await clientRecords.acquire({
      client,
      owner: newOwner(),
      nowMs,
      untilMs: nowMs + budget.maxWaitMs + LEASE_LENGTH * settings.requestTimeoutMs,
      ...(reason.kind === 'due' && { dueAtMs: reason.dueAtMs }),
      ...(isForced(reason) && { forcedSinceMs: nowMs - settings.forcedMintFloorMs }),
    });
    return acquired && { ...acquired, reason };
  }

  async #whyNoLease(client: string, reason: MintReason): Promise<MintOutcome> {
    const { clientRecords, settings } = this.#dependencies;
    const record = await clientRecords.read(client);
    const nowMs = this.#now();
    if (record && isResting(record, nowMs)) {
      const { errorCode: code, retryAtMs } = record;
      return { status: 'failed', code, ...(retryAtMs !== undefined && { retryAtMs }) };
    }
    const { leaseUntilMs = 0, forcedAtMs = 0 } = record ?? {};
    const isFloored = leaseUntilMs <= nowMs && isForced(reason);
    const floorMs = isFloored ? forcedAtMs + settings.forcedMintFloorMs : 0;
    return { status: 'pending', retryAtMs: Math.max(floorMs, nowMs + LOOK_AGAIN_MS) };
  }

  async #mintUnderLease(held: Held, deadlineMs: number): Promise<MintResult | FailedMint> {
    const { budget, settings, clientRecords } = this.#dependencies;
    const now = this.#now;
    const sendByMs = Math.min(held.lease.untilMs, deadlineMs) - LAST_REQUEST * settings.requestTimeoutMs;
    try {
      const { lease, record, reason } = held;
      const kind = kindOfMint(reason, record);
      const tickets = createMintTickets({ client: lease.client, budget, kind, now, sendByMs });
      const requests = { ...this.#dependencies, now, ...tickets };
      return await mintUnderLease({ ...this.#dependencies, ...held, requests });
    } catch (error) {
      if (isPlumeError(error)) return { error };
      await clientRecords.release(held.lease, { unforced: false });
      throw error;
    }
  }

  /** Records what went wrong, for all instances, and notes it for the workers. */
  async #recordFailure(held: Held, { error, usedVersion }: FailedMint): Promise<MintOutcome> {
    const { store, clientRecords, settings, telemetry, random } = this.#dependencies;
    const { lease, record, reason } = held;
    const { client } = lease;
    const { code, message } = error;
    if (remedyOf(code) === 'postpone' || isOfAddress(error)) {
      await clientRecords.release(lease, { unforced: isForced(reason) });
      return { status: 'pending', retryAtMs: error.retryAtMs ?? this.#now() + settings.backoffBaseMs, code };
    }
    telemetry.metric('MintFailed', 1, { client, code });
    telemetry.log('error', 'no token could be minted', { client, error: errorFields(error) });

    const nowMs = this.#now();
    // An outage must not lengthen the back-off of what comes after it.
    const failures = record.errorCode === code ? record.failures + 1 : 1;
    const retryAfterMs = retryAfterOf(error, nowMs);
    const retryAtMs = nextTryMs({ code, failures, nowMs, retryAfterMs }, settings, random());
    const end = { code, message, retryAtMs, nowMs };
    const wanted = record.wanted || isForced(reason);
    const isRecorded =
      remedyOf(code) === 'forget'
        ? await clientRecords.forget(lease, end)
        : await clientRecords.fail(lease, { ...end, failures, wanted, usedVersion });
    if (!isRecorded) {
      await clientRecords.release(lease, { unforced: false });
      return { status: 'pending', retryAtMs: nowMs + LOOK_AGAIN_MS };
    }
    const failure = { code, ...(retryAtMs !== undefined && { retryAtMs }) };
    await store.noteFailure(client, failure, nowMs);
    return { status: 'failed', ...failure };
  }
}

/** The WAF refuses the whole address: no client is at fault. */
function isOfAddress(error: PlumeError): boolean {
  return error instanceof WafBlockedError && error.refused === 'address';
}

/** How long the server, or the WAF's block, asks to wait. */
function retryAfterOf(error: PlumeError, nowMs: number): number | undefined {
  if (error instanceof WafBlockedError) return Math.max(0, (error.retryAtMs ?? nowMs) - nowMs);
  return 'retryAfterMs' in error && typeof error.retryAfterMs === 'number' ? error.retryAfterMs : undefined;
}
