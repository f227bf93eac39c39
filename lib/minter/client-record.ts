import type { AttributeValue } from '@aws-sdk/client-dynamodb';

import type { ErrorCode } from '../errors.ts';
import { isWaiting } from '../token/token-store.ts';
import { counted, type FailureCounter } from './failure-policy.ts';

/** What the minter knows of a client: the `mint#<client>` item. Moments in Unix ms. */
export interface ClientRecord {
  /** When the client wants attention. It lies in the past while minting fails; absent if no secret of it is known. */
  readonly dueAtMs?: number;
  /** A minter is at work until then, or died. */
  readonly leaseUntilMs?: number;
  /** The token is to be replaced whatever its age: the secret changed, or the API rejected it and minting failed. */
  readonly wanted: boolean;

  /** Why the last mint failed, and when to try again. All three are absent if it succeeded. */
  readonly errorCode?: ErrorCode;
  readonly errorMessage?: string;
  readonly retryAtMs?: number;
  /** When the first mint failed since the last one that succeeded. */
  readonly failingSinceMs?: number;
  /** How many mints have failed since the last one that succeeded or the last change of the secret, by what failed. */
  readonly counts: Readonly<Partial<Record<FailureCounter, number>>>;

  /** Version of the secret as the list last showed it, as it was last used, and as a token was last minted with it. */
  readonly listedVersion?: string;
  readonly usedVersion?: string;
  readonly workedVersion?: string;
  /** When the secret's version was first seen. */
  readonly changedAtMs?: number;
  /** When the client was first seen. */
  readonly knownSinceMs?: number;

  /** Times of the token in the table: its end, and when it is to be replaced. */
  readonly expiresAtMs?: number;
  readonly refreshAtMs?: number;
  /** When the token was minted, and when it was last known to be active: minted or introspected. */
  readonly mintedAtMs?: number;
  readonly checkedAtMs?: number;
  /** The end of the token for which a last try was made, and of that for which the previous version was tried. */
  readonly lastTryForMs?: number;
  readonly previousForMs?: number;

  /** When a rejected token last caused a mint, from when on the next one may, and how many did. */
  readonly forcedAtMs?: number;
  readonly forcedAgainAtMs?: number;
  readonly forcedMints?: number;
}

export function clientRecordOf(item: Record<string, AttributeValue>): ClientRecord {
  const number = <Key extends string>(key: Key) =>
    (item[key]?.N === undefined ? {} : { [key]: Number(item[key].N) }) as { [_ in Key]?: number };
  const text = <Key extends string>(key: Key) =>
    (item[key]?.S === undefined ? {} : { [key]: item[key].S }) as { [_ in Key]?: string };
  const errorCode = item.errorCode?.S as ErrorCode | undefined;
  const counts = Object.entries(item.counts?.M ?? {}).map(([counter, { N }]) => [counter, Number(N)]);
  // A release without counters knew the failures in a row of one code, and minted with the version used last.
  const older = {
    ...(errorCode !== undefined && { counts: counted({}, errorCode, Number(item.failures?.N ?? 1)) }),
    ...(errorCode === undefined &&
      item.usedVersion?.S !== undefined && { workedVersion: item.usedVersion.S }),
  };
  return {
    ...number('dueAtMs'),
    ...number('leaseUntilMs'),
    wanted: item.wanted?.BOOL === true,
    ...(errorCode !== undefined && { errorCode }),
    ...text('errorMessage'),
    ...number('retryAtMs'),
    ...number('failingSinceMs'),
    counts: {},
    ...older,
    ...(item.counts !== undefined && { counts: Object.fromEntries(counts) }),
    ...text('listedVersion'),
    ...text('usedVersion'),
    ...text('workedVersion'),
    ...number('changedAtMs'),
    ...number('knownSinceMs'),
    ...number('expiresAtMs'),
    ...number('refreshAtMs'),
    ...number('mintedAtMs'),
    ...number('checkedAtMs'),
    ...number('lastTryForMs'),
    ...number('previousForMs'),
    ...number('forcedAtMs'),
    ...number('forcedAgainAtMs'),
    ...number('forcedMints'),
  };
}

/** A record of a client whose last mint failed. */
export interface FailingRecord extends ClientRecord {
  readonly errorCode: ErrorCode;
}

export function isFailing(record: ClientRecord): record is FailingRecord {
  return record.errorCode !== undefined;
}

/** Whether the client waits before its next try. The opposite of {@link NOT_RESTING}. */
export function isResting(record: ClientRecord, nowMs: number): record is FailingRecord {
  return isFailing(record) && isWaiting(record, nowMs);
}

/** A condition of DynamoDB, with `:now`: the client does not wait. */
export const NOT_RESTING = '(attribute_not_exists(retryAtMs) OR retryAtMs <= :now)';
