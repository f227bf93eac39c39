import type { CallBudget } from '../budget/call-budget.ts';
import { SecretUnavailableError } from '../credentials/errors.ts';
import type { Secrets } from '../credentials/secrets.ts';
import { isPlumeError, type PlumeError } from '../errors.ts';
import type { Clock } from '../platform/clock.ts';
import { errorFields } from '../telemetry/error-fields.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { isServable } from '../token/access-token.ts';
import type { MintOutcome } from '../token/mint-outcome.ts';
import type { TokenSettings } from '../token/settings.ts';
import type { TokenStore } from '../token/token-store.ts';
import type { ClientRecord } from './client-record.ts';
import type { ClientRecords, Lease } from './client-records.ts';
import { remedyOf, retryAtMs as retryAtMsOf } from './failure-policy.ts';
import { isForced, type MintReason, type MintResult } from './mint-reason.ts';
import { withTickets } from './mint-ticket.ts';
import { mintUnderLease } from './mint-under-lease.ts';

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
  /** The minter's stream. */
  readonly budget: CallBudget;
  readonly fetch: typeof fetch;
  readonly settings: TokenSettings;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** In [0, 1). */
  readonly random: () => number;
  /** Another one at every call. */
  readonly newOwner: () => string;
}

/** In time-outs of a request: a wait for a ticket, two requests, and the rest. */
const LEASE_LENGTH = 4;
/** In time-outs of a request: how long before the end the last request may be sent. */
export const LAST_REQUEST = 1.5;
/** How soon to look again when another minter is at work: most mints take less. */
const LOOK_AGAIN_MS = 1_000;

export function createMinter(dependencies: MinterDependencies): Minter {
  const { store, clientRecords, budget, settings, telemetry, random, newOwner } = dependencies;
  const { now } = dependencies.clock;
  const { requestTimeoutMs, youngTokenMs, forcedMintFloorMs, backoffBaseMs } = settings;

  return {
    async mint(client, reason, deadlineMs) {
      const answer = reason.kind === 'request' ? await answerAtOnce(client, reason.rejected) : undefined;
      if (answer !== undefined) return { outcome: answer };

      const nowMs = now();
      const acquired = await clientRecords.acquire({
        client,
        owner: newOwner(),
        nowMs,
        untilMs: nowMs + LEASE_LENGTH * requestTimeoutMs,
        ...(reason.kind === 'due' && { dueAtMs: reason.dueAtMs }),
        ...(isForced(reason) && { forcedSinceMs: nowMs - forcedMintFloorMs }),
      });
      if (acquired === undefined) return { outcome: refusalOf(await clientRecords.read(client), reason) };

      const { lease, record } = acquired;
      let usedVersion: string | undefined;
      const onSecret = (versionId: string): void => {
        if (isOutdated(versionId, record)) throw new SecretUnavailableError({ client }, 'an old version');
        usedVersion = versionId;
      };
      const sendByMs = Math.min(lease.untilMs, deadlineMs) - LAST_REQUEST * requestTimeoutMs;
      try {
        return await withTickets({ budget, now, sendByMs }, (attempt) =>
          mintUnderLease({
            lease,
            record,
            reason,
            store,
            clientRecords,
            source: { ...dependencies, now, attempt, onSecret },
            usedVersion: () => usedVersion,
          }),
        );
      } catch (error) {
        if (isPlumeError(error)) {
          const outcome = await settle(error, { lease, record, reason, usedVersion });
          return { outcome, expiresAtMs: record.expiresAtMs };
        }
        await clientRecords.release(lease, { unforced: false });
        throw error;
      }
    },
  };

  /** What needs no lease: the table holds another token, or the rejected one is so young that the API may not know it. */
  async function answerAtOnce(
    client: string,
    rejected: string | undefined,
  ): Promise<MintOutcome | undefined> {
    const token = (await store.read(client))?.token;
    if (token === undefined || !isServable(token, now(), settings)) return undefined;
    if (token.fingerprint !== rejected) return { status: 'current', fingerprint: token.fingerprint };
    const oldEnoughAtMs = token.issuedAtMs + youngTokenMs;
    return now() < oldEnoughAtMs ? { status: 'pending', retryAtMs: oldEnoughAtMs } : undefined;
  }

  /** Why there was no lease. */
  function refusalOf(record: ClientRecord | undefined, reason: MintReason): MintOutcome {
    const nowMs = now();
    const { leaseUntilMs = 0, errorCode, retryAtMs, forcedAtMs = 0 } = record ?? {};
    if (errorCode !== undefined && (retryAtMs === undefined || retryAtMs > nowMs)) {
      return { status: 'failed', code: errorCode, ...(retryAtMs !== undefined && { retryAtMs }) };
    }
    const isFloored = leaseUntilMs <= nowMs && isForced(reason);
    const floorMs = isFloored ? forcedAtMs + forcedMintFloorMs : 0;
    return { status: 'pending', retryAtMs: Math.max(floorMs, nowMs + LOOK_AGAIN_MS) };
  }

  /** Records what went wrong, for all instances, and tells the workers. */
  async function settle(
    error: PlumeError,
    { lease, record, reason, usedVersion }: Failure,
  ): Promise<MintOutcome> {
    const { client } = lease;
    const { code, message } = error;
    if (remedyOf(code) === 'postpone') {
      await clientRecords.release(lease, { unforced: isForced(reason) });
      return { status: 'pending', retryAtMs: error.retryAtMs ?? now() + backoffBaseMs, code };
    }
    const restUntilMs = remedyOf(code) === 'rest' ? await budget.block() : undefined;

    telemetry.metric('MintFailed', 1, { client, code });
    telemetry.log('error', 'no token could be minted', { client, error: errorFields(error) });

    const nowMs = now();
    // An outage must not lengthen the back-off of what comes after it.
    const failures = record.errorCode === code ? record.failures + 1 : 1;
    const retryAfterMs = restUntilMs === undefined ? wishOf(error) : Math.max(0, restUntilMs - nowMs);
    const retryAtMs = retryAtMsOf({ code, failures, nowMs, retryAfterMs }, settings, random());
    const wanted = record.wanted || isForced(reason);
    const isRecorded =
      remedyOf(code) === 'forget'
        ? await clientRecords.forget(lease, { code, message, retryAtMs, nowMs })
        : await clientRecords.fail(lease, { code, message, retryAtMs, nowMs, failures, wanted, usedVersion });
    if (!isRecorded) {
      await clientRecords.release(lease, { unforced: false });
      return { status: 'pending', retryAtMs: nowMs + LOOK_AGAIN_MS };
    }
    const failure = { code, ...(retryAtMs !== undefined && { retryAtMs }) };
    await store.noteFailure(client, failure, nowMs);
    return { status: 'failed', ...failure };
  }
}

/**
 * Reading a secret is eventually consistent. The list has shown another version since the last mint, so what was used
 * then is not it: to mint with it would be to miss the rotation.
 */
function isOutdated(versionId: string, { wanted, listedVersion, usedVersion }: ClientRecord): boolean {
  return wanted && versionId === usedVersion && listedVersion !== undefined && versionId !== listedVersion;
}

/** How long the server asks to wait, if it does. */
function wishOf(error: PlumeError): number | undefined {
  return 'retryAfterMs' in error && typeof error.retryAfterMs === 'number' ? error.retryAfterMs : undefined;
}

interface Failure {
  readonly lease: Lease;
  readonly record: ClientRecord;
  readonly reason: MintReason;
  readonly usedVersion: string | undefined;
}
