import { isPlumeError, type PlumeError } from '../errors.ts';
import { errorFields } from '../telemetry/error-fields.ts';
import type { AccessToken } from '../token/access-token.ts';
import { WafBlockedError } from '../waf/errors.ts';
import type { ClientRecord } from './client-record.ts';
import type { FailedAgain } from './client-records.ts';
import { counted, counterOf, isPostponed, nextTry } from './failure-policy.ts';
import type { LeasedMint, MintResult } from './leased-mint.ts';
import { forcedMint, historyOf, isForced, isLastTry } from './mint-times.ts';
import { tryPreviousVersion } from './previous-version.ts';

/** Why there is no new token, and which version of the secret was used, if one was read. */
export interface FailedMint {
  readonly error: PlumeError;
  readonly usedVersion?: string | undefined;
}

/** How soon to look again when another minter is at work: most mints take less. */
export const LOOK_AGAIN_MS = 1_000;

/**
 * Records why there is no token, and when to try again: for all minters, and for the workers. If the secret's new version is
 * refused, the previous one may still bring a token. Ends the lease.
 *
 * @throws {PlumeError} of the table
 */
export async function recordFailure(mint: LeasedMint, failed: FailedMint): Promise<MintResult> {
  const { lease, record, reason, requests, random } = mint;
  const { settings, telemetry } = requests;
  const { client } = lease;
  const { error, usedVersion } = failed;
  const { code, message } = error;
  if (isPostponed(code) || isOfAddress(error)) return await postpone(mint, error);

  const tried = await tryPreviousVersion(mint, { errorCode: code, usedVersion });
  const previous = isPlumeError(tried) ? undefined : tried;
  const nowMs = requests.now();
  const isNewVersion = usedVersion !== undefined && usedVersion !== record.usedVersion;
  const before = isNewVersion ? {} : record.counts;
  const counts = counted(before, code, previous?.isRefused ? 2 : 1);
  const history = historyOf(record, usedVersion, nowMs);
  const { atMs: retryAtMs, isSoon } = nextTry(
    { code, count: counts[counterOf(code)] ?? 1, history, nowMs, retryAfterMs: retryAfterOf(error, nowMs) },
    settings,
    random(),
  );
  telemetry.metric('MintFailed', 1, { client, code });
  telemetry.log('error', 'no token could be minted', {
    client,
    error: errorFields(error),
    credentials: history,
    nextTry: new Date(retryAtMs).toISOString(),
  });
  const end: FailedAgain = {
    ...{ code, message, retryAtMs, nowMs, counts, usedVersion },
    failingSinceMs: record.failingSinceMs ?? nowMs,
    wanted: record.wanted || isForced(reason),
    changedAtMs: isNewVersion && usedVersion !== record.listedVersion ? nowMs : undefined,
    lastTryForMs: isLastTry(record, mint.beganAtMs, settings) ? record.expiresAtMs : undefined,
    forced: isForced(reason) ? forcedMint(record, nowMs, settings) : undefined,
    ...previous?.facts,
  };
  return { ...(await endLease(mint, end, previous?.token)), isSoon };
}

/**
 * Asks for a token with only the previous version of a secret: the refusal of the new one stands, and so does its pause.
 *
 * @throws {PlumeError} of the table
 */
export async function renewWithPreviousVersion(mint: LeasedMint): Promise<MintResult> {
  const { record, requests } = mint;
  const { errorCode: code = 'invalid_client', errorMessage: message = '', usedVersion, wanted } = record;
  const previous = await tryPreviousVersion(mint, { errorCode: code, usedVersion });
  if (isPlumeError(previous)) return await postpone(mint, previous);
  const nowMs = requests.now();
  const { retryAtMs = nowMs, failingSinceMs = nowMs } = record;
  const counts = counted(record.counts, code, previous?.isRefused ? 1 : 0);
  const end: FailedAgain = {
    ...{ code, message, retryAtMs, nowMs, counts, failingSinceMs, wanted, usedVersion },
    ...previous?.facts,
  };
  return await endLease(mint, end, previous?.token);
}

/** Nothing was asked for: the client stays as it was, and due. */
async function postpone({ lease, record, clientRecords, requests }: LeasedMint, error: PlumeError) {
  await clientRecords.release(lease);
  const { code, retryAtMs = requests.now() + requests.settings.backoffBaseMs } = error;
  return { outcome: { status: 'pending', retryAtMs, code }, expiresAtMs: record.expiresAtMs } as const;
}

async function endLease(
  { lease, record, clientRecords, store }: LeasedMint,
  end: FailedAgain,
  token: AccessToken | undefined,
): Promise<MintResult> {
  const { client } = lease;
  const { code, retryAtMs, nowMs } = end;
  const expiresAtMs = token?.expiresAtMs ?? record.expiresAtMs;
  const isRecorded = isUnknown(record, end)
    ? await clientRecords.forget(lease, end)
    : await clientRecords.fail(lease, end);
  if (!isRecorded) {
    await clientRecords.release(lease);
    return { outcome: { status: 'pending', retryAtMs: nowMs + LOOK_AGAIN_MS }, expiresAtMs };
  }
  await store.noteFailure(client, { code, retryAtMs }, nowMs);
  const outcome = token
    ? ({ status: 'minted', fingerprint: token.fingerprint } as const)
    : ({ status: 'failed', code, retryAtMs } as const);
  return { outcome, expiresAtMs, isFailing: true };
}

/** A name of which no secret was ever seen, as a worker may ask for one. */
function isUnknown({ listedVersion, usedVersion }: ClientRecord, { code }: FailedAgain): boolean {
  return code === 'secret_missing' && listedVersion === undefined && usedVersion === undefined;
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
