import type { MintBudget } from '../budget/mint-budget.ts';
import { errorFields } from '../telemetry/error-fields.ts';
import { type AccessToken, isServable } from '../token/access-token.ts';
import type { TokenSettings } from '../token/settings.ts';
import { checkToken } from './check-token.ts';
import type { Finished } from './client-records.ts';
import type { LeasedMint, MintResult } from './leased-mint.ts';
import { forcedMint, isCheckDue, isForced, isToBeReplaced, nextDueMs, renewalMs } from './mint-times.ts';
import { obtainToken } from './obtain-token.ts';
import type { FailedMint } from './record-failure.ts';

/** In time-outs of a request, besides the wait for a ticket: two requests, and everything else. */
const LEASE_LENGTH = 3;

/** How long the right to mint for a client lasts: until then no other minter mints for it. */
export function leaseMs(
  { maxWaitMs }: Pick<MintBudget, 'maxWaitMs'>,
  { requestTimeoutMs }: Pick<TokenSettings, 'requestTimeoutMs'>,
): number {
  return maxWaitMs + LEASE_LENGTH * requestTimeoutMs;
}

/**
 * What is done under a lease: look at the token again, obtain another if it will not do, store it, record it. The
 * process may die at any `await`: then the lease lapses, the client is still due, and the next tick looks again.
 *
 * @returns the end of the mint, or why there is no token; then the lease is still held
 * @throws {PlumeError} of the table, or of the secret of a token that is only to be checked
 */
export async function mintUnderLease(mint: LeasedMint): Promise<MintResult | FailedMint> {
  const { lease, record, reason, store, clientRecords, requests } = mint;
  const { client } = lease;
  const { now, settings } = requests;
  const current = (await store.read(client))?.token;

  if (current && !isToBeReplaced(client, current, { record, reason, nowMs: now() }, settings)) {
    if (reason.kind === 'request') {
      await clientRecords.release(lease);
      return found('current', current);
    }
    // Without a check, another minter stored this token and died before recording it.
    const isToCheck = isCheckDue(record, now(), settings);
    const checked = isToCheck ? await checkToken(client, current, mint) : undefined;
    if (checked !== 'revoked') {
      // A check without an answer counts as well: asking again at every tick could lock the client out.
      await finish(mint, checked ?? current, { checkedAtMs: isToCheck ? now() : record.checkedAtMs });
      return found('current', checked ?? current);
    }
  }

  const obtained = await obtainToken(client, mint);
  if ('error' in obtained) return { error: obtained.error, usedVersion: obtained.versionId };
  return await storeToken(mint, current, obtained);
}

async function storeToken(
  mint: LeasedMint,
  current: AccessToken | undefined,
  { token: obtained, versionId }: { readonly token: AccessToken; readonly versionId: string },
): Promise<MintResult> {
  const { lease, record, reason, store, clientRecords, requests } = mint;
  const { client } = lease;
  const { now, settings, telemetry } = requests;
  const unchanged = obtained.fingerprint === current?.fingerprint;
  // The server may give the same token again until it ends. What was known of its times stands, while it can.
  const token = unchanged && current && isServable(current, now(), settings) ? current : obtained;
  if (!(await store.replace(client, token, current?.fingerprint))) {
    const winner = (await store.read(client))?.token;
    // Ours is there if the SDK repeated a write whose answer was lost.
    if (winner && winner.fingerprint !== token.fingerprint) {
      await clientRecords.release(lease);
      return found('current', winner);
    }
  }
  const atMs = now();
  const forced = isForced(reason) ? forcedMint(record, atMs, settings) : undefined;
  await finish(mint, token, { checkedAtMs: atMs, minted: { versionId, atMs }, forced }, unchanged);
  const { fingerprint, expiresAtMs } = token;
  if (unchanged) {
    telemetry.log('info', 'the authorization server gave the same token again', { client, fingerprint });
    if (forced) return { outcome: { status: 'pending', retryAtMs: forced.againAtMs }, expiresAtMs };
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
  end: Pick<Finished, 'checkedAtMs' | 'minted' | 'forced'>,
  unchanged = false,
): Promise<void> {
  const { client } = lease;
  const { now, settings, telemetry } = requests;
  const { checkedAtMs } = end;
  const times = {
    expiresAtMs: token.expiresAtMs,
    refreshAtMs: renewalMs(client, token, settings),
    dueAtMs: nextDueMs(client, token, { nowMs: now(), checkedAtMs, unchanged }, settings),
  };
  try {
    if (await clientRecords.finish(lease, { ...end, ...times })) return;
    await clientRecords.release(lease);
  } catch (error) {
    telemetry.log('warn', 'a mint could not be recorded', { client, error: errorFields(error) });
  }
}

function found(status: 'minted' | 'current', { fingerprint, expiresAtMs }: AccessToken): MintResult {
  return { outcome: { status, fingerprint }, expiresAtMs };
}
