import type { AttributeValue } from '@aws-sdk/client-dynamodb';

import type { ErrorCode } from '../errors.ts';

/** What the minter knows of a client: the `mint#<client>` item. Moments in Unix ms. */
export interface ClientRecord {
  /** When the client wants attention. It lies in the past while minting fails; absent if the client has no secret. */
  readonly dueAtMs?: number;
  /** A minter is at work until then, or died. */
  readonly leaseUntilMs?: number;
  /** The token is to be replaced whatever its age: the secret changed, or the API rejected it and minting failed. */
  readonly wanted: boolean;
  /** Failures in a row of one kind, its code and message, and when to try again (absent: when the secret changes). */
  readonly failures: number;
  readonly errorCode?: ErrorCode;
  readonly errorMessage?: string;
  readonly retryAtMs?: number;
  /** When rejected tokens last caused a mint. */
  readonly forcedAtMs?: number;
  /** Version of the secret as the list last showed it, and as it was last used. */
  readonly listedVersion?: string;
  readonly usedVersion?: string;
  /** Expiry of the token in the table, for the metric. */
  readonly expiresAtMs?: number;
  /** When the token was last known to be active: minted or introspected. */
  readonly checkedAtMs?: number;
}

/** A record of a client whose last mint failed, and that is not to be tried again yet. */
export interface RestingRecord extends ClientRecord {
  readonly errorCode: ErrorCode;
}

/** Whether the client waits before its next try. The same as {@link NOT_RESTING}. */
export function isResting(record: ClientRecord, nowMs: number): record is RestingRecord {
  const { errorCode, retryAtMs } = record;
  return errorCode !== undefined && (retryAtMs === undefined || retryAtMs > nowMs);
}

/** A condition of DynamoDB that holds for a record that {@link isResting} is false of. */
export const NOT_RESTING = '(attribute_not_exists(errorCode) OR retryAtMs <= :now)';

export function clientRecordOf(item: Record<string, AttributeValue>): ClientRecord {
  const number = <Key extends string>(key: Key) =>
    (item[key]?.N === undefined ? {} : { [key]: Number(item[key].N) }) as { [_ in Key]?: number };
  const text = <Key extends string>(key: Key) =>
    (item[key]?.S === undefined ? {} : { [key]: item[key].S }) as { [_ in Key]?: string };
  return {
    ...number('dueAtMs'),
    ...number('leaseUntilMs'),
    wanted: item.wanted?.BOOL === true,
    failures: Number(item.failures?.N ?? 0),
    ...(text('errorCode') as { errorCode?: ErrorCode }),
    ...text('errorMessage'),
    ...number('retryAtMs'),
    ...number('forcedAtMs'),
    ...text('listedVersion'),
    ...text('usedVersion'),
    ...number('expiresAtMs'),
    ...number('checkedAtMs'),
  };
}
