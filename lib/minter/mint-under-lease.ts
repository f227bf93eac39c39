import { errorFields } from '../telemetry/error-fields.ts';
import { type AccessToken, isServable } from '../token/access-token.ts';
import type { TokenStore } from '../token/token-store.ts';
import { checkToken } from './check-token.ts';
import type { ClientRecord } from './client-record.ts';
import type { ClientRecords, Lease } from './client-records.ts';
import { isForced, type MintReason, type MintResult } from './mint-reason.ts';
import { isCheckDue, isToBeReplaced, nextDueMs } from './mint-times.ts';
import { obtainToken, type Source } from './obtain-token.ts';

export interface LeasedMint {
  readonly lease: Lease;
  readonly record: ClientRecord;
  readonly reason: MintReason;
  readonly store: TokenStore;
  readonly clientRecords: ClientRecords;
  readonly source: Source;
  /** Version of the secret that was used last. */
  readonly usedVersion: () => string | undefined;
}

/**
 * What is done under a lease: look at the token again, obtain another if it will not do, store it, record it. The
 * process may die at any `await`: then the lease lapses, the client is still due, and the next tick looks again.
 *
 * @throws {PlumeError} why there is no new token
 */
export async function mintUnderLease(mint: LeasedMint): Promise<MintResult> {
  const { lease, record, reason, store, clientRecords, source, usedVersion } = mint;
  const { client } = lease;
  const { now, settings, telemetry } = source;
  const current = (await store.read(client))?.token;

  if (current && !isToBeReplaced(client, current, { record, reason, nowMs: now() }, settings)) {
    if (reason.kind === 'request') {
      await clientRecords.release(lease, { unforced: isForced(reason) });
      return found('current', current);
    }
    // Without a check, somebody stored this token and died before recording it.
    const isToCheck = isCheckDue(record, now(), settings);
    const checked = isToCheck ? await checkToken(client, current, { store, source }) : undefined;
    if (checked !== 'revoked') {
      // A check without an answer counts as well: asking again at every tick could lock the client out.
      await finish(checked ?? current, { checkedAtMs: isToCheck ? now() : record.checkedAtMs });
      return found('current', checked ?? current);
    }
  }

  const obtained = await obtainToken(client, source);
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
  await finish(token, { checkedAtMs: now(), unchanged });
  if (unchanged && isForced(reason)) {
    const retryAtMs = now() + settings.forcedMintFloorMs;
    return { outcome: { status: 'pending', retryAtMs }, expiresAtMs: token.expiresAtMs };
  }
  if (!unchanged) telemetry.metric('TokenMinted', 1, { client });
  telemetry.log('info', 'a token was minted', { client, fingerprint: token.fingerprint, unchanged });
  return found('minted', token);

  /** The token is in service by now, whatever becomes of the record: unrecorded, the client just stays due. */
  async function finish(
    token: AccessToken,
    { checkedAtMs, unchanged = false }: { checkedAtMs: number | undefined; unchanged?: boolean },
  ): Promise<void> {
    const dueAtMs = nextDueMs(client, token, { nowMs: now(), checkedAtMs, unchanged }, settings);
    try {
      const { expiresAtMs } = token;
      if (
        await clientRecords.finish(lease, { expiresAtMs, dueAtMs, checkedAtMs, usedVersion: usedVersion() })
      )
        return;
      await clientRecords.release(lease, { unforced: false });
    } catch (error) {
      telemetry.log('warn', 'a mint could not be recorded', { client, error: errorFields(error) });
    }
  }
}

function found(status: 'minted' | 'current', { fingerprint, expiresAtMs }: AccessToken): MintResult {
  return { outcome: { status, fingerprint }, expiresAtMs };
}
