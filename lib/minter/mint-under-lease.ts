import type { Secrets } from '../credentials/secrets.ts';
import type { PlumeError } from '../errors.ts';
import { errorFields } from '../telemetry/error-fields.ts';
import { type AccessToken, isServable } from '../token/access-token.ts';
import type { MintOutcome } from '../token/mint-outcome.ts';
import type { TokenStore } from '../token/token-store.ts';
import { checkToken } from './check-token.ts';
import type { ClientRecord } from './client-record.ts';
import type { ClientRecords, Lease } from './client-records.ts';
import { isCheckDue, isForced, isToBeReplaced, type MintReason, nextDueMs } from './mint-times.ts';
import { obtainToken, type Requests } from './obtain-token.ts';

export interface LeasedMint {
  readonly lease: Lease;
  readonly record: ClientRecord;
  readonly reason: MintReason;
  readonly store: TokenStore;
  readonly clientRecords: ClientRecords;
  readonly secrets: Pick<Secrets, 'read'>;
  readonly requests: Requests;
}

export interface MintResult {
  readonly outcome: MintOutcome;
  /** Expiry of the token that the table holds, as far as it is known. */
  readonly expiresAtMs?: number | undefined;
}

/** Why there is no new token, and which version of the secret was used, if one was read. The lease is still held. */
export interface FailedMint {
  readonly error: PlumeError;
  readonly usedVersion?: string | undefined;
}

/**
 * What is done under a lease: look at the token again, obtain another if it will not do, store it, record it. The
 * process may die at any `await`: then the lease lapses, the client is still due, and the next tick looks again.
 *
 * @throws {PlumeError} of the table, or of the secret of a token that is only to be checked
 */
export async function mintUnderLease(mint: LeasedMint): Promise<MintResult | FailedMint> {
  const { lease, record, reason, store, clientRecords, requests } = mint;
  const { client } = lease;
  const { now, settings } = requests;
  const current = (await store.read(client))?.token;

  if (current && !isToBeReplaced(client, current, { record, reason, nowMs: now() }, settings)) {
    if (reason.kind === 'request') {
      await clientRecords.release(lease, { unforced: isForced(reason) });
      return found('current', current);
    }
    // Without a check, another minter stored this token and died before recording it.
    const isToCheck = isCheckDue(record, now(), settings);
    const checked = isToCheck ? await checkToken(client, current, mint) : undefined;
    if (checked !== 'revoked') {
      // A check without an answer counts as well: asking again at every tick could lock the client out.
      const checkedAtMs = isToCheck ? now() : record.checkedAtMs;
      await finish(mint, checked ?? current, { checkedAtMs, usedVersion: undefined });
      return found('current', checked ?? current);
    }
  }

  const obtained = await obtainToken(client, mint);
  if ('error' in obtained) return { error: obtained.error, usedVersion: obtained.versionId };
  return await storeToken(mint, current, obtained.token, obtained.versionId);
}

async function storeToken(
  mint: LeasedMint,
  current: AccessToken | undefined,
  obtained: AccessToken,
  usedVersion: string,
): Promise<MintResult> {
  const { lease, reason, store, clientRecords, requests } = mint;
  const { client } = lease;
  const { now, settings, telemetry } = requests;
  const unchanged = obtained.fingerprint === current?.fingerprint;
  // The server may give the same token again until it ends. What was known of its times stands, while it can.
  const token = unchanged && current && isServable(current, now(), settings) ? current : obtained;
  if (!(await store.replace(client, token, current?.fingerprint))) {
    const winner = (await store.read(client))?.token;
    // Ours is there if the SDK repeated a write whose answer was lost.
    if (winner && winner.fingerprint !== token.fingerprint) {
      await clientRecords.release(lease, { unforced: false });
      return found('current', winner);
    }
  }
  await finish(mint, token, { checkedAtMs: now(), usedVersion, unchanged });
  const { fingerprint } = token;
  if (unchanged) {
    telemetry.log('info', 'the authorization server gave the same token again', { client, fingerprint });
    if (isForced(reason)) {
      const retryAtMs = now() + settings.forcedMintFloorMs;
      return { outcome: { status: 'pending', retryAtMs }, expiresAtMs: token.expiresAtMs };
    }
  } else {
    telemetry.metric('TokenMinted', 1, { client });
    telemetry.log('info', 'a token was minted', { client, fingerprint });
  }
  return found('minted', token);
}

/** The token is in service by now, whatever becomes of the record: unrecorded, the client just stays due. */
async function finish(
  { lease, clientRecords, requests }: LeasedMint,
  token: AccessToken,
  end: { checkedAtMs: number | undefined; usedVersion: string | undefined; unchanged?: boolean },
): Promise<void> {
  const { client } = lease;
  const { checkedAtMs, usedVersion, unchanged = false } = end;
  const { now, settings, telemetry } = requests;
  const { expiresAtMs } = token;
  const dueAtMs = nextDueMs(client, token, { nowMs: now(), checkedAtMs, unchanged }, settings);
  try {
    if (await clientRecords.finish(lease, { expiresAtMs, dueAtMs, checkedAtMs, usedVersion })) return;
    await clientRecords.release(lease, { unforced: false });
  } catch (error) {
    telemetry.log('warn', 'a mint could not be recorded', { client, error: errorFields(error) });
  }
}

function found(status: 'minted' | 'current', { fingerprint, expiresAtMs }: AccessToken): MintResult {
  return { outcome: { status, fingerprint }, expiresAtMs };
}
