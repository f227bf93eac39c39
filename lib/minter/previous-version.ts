import type { ErrorCode, PlumeError } from '../errors.ts';
import { errorFields } from '../telemetry/error-fields.ts';
import type { AccessToken } from '../token/access-token.ts';
import type { FailedAgain } from './client-records.ts';
import { isPostponed, isRefusal } from './failure-policy.ts';
import type { LeasedMint } from './leased-mint.ts';
import { isPreviousDue, renewalMs } from './mint-times.ts';
import { obtainWithPreviousVersion } from './obtain-token.ts';

/** What came of asking for a token with the previous version of a secret (AWSPREVIOUS). */
export interface PreviousTry {
  /** What goes into the record, so that it is tried once per token. */
  readonly facts: Pick<FailedAgain, 'previousForMs' | 'stored'>;
  /** In the table by now. */
  readonly token?: AccessToken;
  readonly isRefused: boolean;
}

/**
 * While the new version of a secret is refused, the one that worked before it may replace the token in service when that
 * would end.
 *
 * @returns what came of it; why it could not be asked now; or undefined if it is not to be tried
 * @throws {PlumeError} of the table
 */
export async function tryPreviousVersion(
  mint: LeasedMint,
  refused: { readonly errorCode: ErrorCode; readonly usedVersion: string | undefined },
): Promise<PreviousTry | PlumeError | undefined> {
  const { lease, record, store, requests } = mint;
  const { client } = lease;
  const { now, settings, telemetry } = requests;
  const { errorCode, usedVersion = record.usedVersion } = refused;
  const failing = { ...record, errorCode, ...(usedVersion !== undefined && { usedVersion }) };
  if (!isPreviousDue(failing, now(), settings)) return undefined;

  const facts = { previousForMs: record.expiresAtMs };
  const obtained = await obtainWithPreviousVersion(client, mint);
  if (obtained === undefined) return { facts, isRefused: false };
  if ('error' in obtained) {
    const { error } = obtained;
    if (isPostponed(error.code)) return error;
    telemetry.log('error', "no token could be minted with the previous version of a client's secret either", {
      client,
      error: errorFields(error),
    });
    return { facts, isRefused: isRefusal(error.code) };
  }

  const { token } = obtained;
  const current = (await store.read(client))?.token;
  if (!(await store.replace(client, token, current?.fingerprint))) return { facts, isRefused: false };
  telemetry.metric('TokenMinted', 1, { client });
  telemetry.log(
    'warn',
    'a token was minted with the previous version of the secret, because the new version is refused',
    {
      client,
      fingerprint: token.fingerprint,
    },
  );
  const { expiresAtMs } = token;
  const stored = { expiresAtMs, refreshAtMs: renewalMs(client, token, settings), mintedAtMs: now() };
  return { facts: { ...facts, stored }, token, isRefused: false };
}
