import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

import { TABLE } from '../contract.ts';
import type { ErrorCode } from '../errors.ts';
import { type ClientItemChange, createClientItems, type Values } from './client-item.ts';
import { type ClientRecord, NOT_RESTING } from './client-record.ts';
import { DUE, type DueClient, queryDueClients } from './due-clients.ts';

/** The right to mint for a client, until a moment. */
export interface Lease {
  readonly client: string;
  readonly owner: string;
  readonly untilMs: number;
  /** The secret's version as the list showed it when the lease began. */
  readonly listedVersion: string | undefined;
}

/** What a lease is asked for, and what must hold for it. */
export interface LeaseRequest {
  readonly client: string;
  /** Another one for every request. */
  readonly owner: string;
  readonly nowMs: number;
  readonly untilMs: number;
  /** The client is still due at this moment: no minter has minted since it was read. */
  readonly dueAtMs?: number | undefined;
  /** A rejected token causes the mint: the floor of such mints must have passed. */
  readonly isForced?: boolean;
  /** The client may be resting: its token is about to end. */
  readonly despiteRest?: boolean;
}

/** A rejected token caused the mint. */
export interface ForcedMint {
  readonly atMs: number;
  /** From when on the next one may be forced. */
  readonly againAtMs: number;
  /** How many there have been. */
  readonly mints: number;
}

/** Times of the token that is in the table now. */
export interface StoredTimes {
  readonly expiresAtMs: number;
  readonly refreshAtMs: number;
}

/** The end of a mint that left a good token in the table. */
export interface Finished extends StoredTimes {
  readonly dueAtMs: number;
  /** When the token was found active, if it was looked at. */
  readonly checkedAtMs: number | undefined;
  /** If a token was requested: with which version of the secret, and when. */
  readonly minted?: { readonly versionId: string; readonly atMs: number } | undefined;
  readonly forced?: ForcedMint | undefined;
}

/** The end of a mint that brought none. */
export interface Failed {
  readonly code: ErrorCode;
  /** Of this library's own error: it says which rule failed, and never repeats a value. */
  readonly message: string;
  readonly retryAtMs: number;
  readonly nowMs: number;
}

export interface FailedAgain extends Failed {
  readonly counts: ClientRecord['counts'];
  readonly failingSinceMs: number;
  /** The token that is there is to be replaced whatever its age. */
  readonly wanted: boolean;
  /** The secret's version that was used, if one was read, and since when it is known. */
  readonly usedVersion: string | undefined;
  readonly changedAtMs?: number | undefined;
  readonly lastTryForMs?: number | undefined;
  readonly previousForMs?: number | undefined;
  readonly forced?: ForcedMint | undefined;
  /** Times of a token that the previous version of the secret brought. */
  readonly stored?: (StoredTimes & { readonly mintedAtMs: number }) | undefined;
}

/**
 * The `mint#<client>` items: whose token is due, who is minting, what failed. Each method throws
 * `ClientRecordsUnavailableError` if DynamoDB does not do it. `finish`, `fail` and `forget` end a lease; they do nothing and
 * answer false if it is no longer held, or the list shows another version of the secret than when it began and than the
 * one that was used: the client then stays due.
 */
export interface ClientRecords {
  read(client: string): Promise<ClientRecord | undefined>;
  /** See {@link queryDueClients}. */
  due(byMs?: number): Promise<readonly DueClient[]>;
  /**
   * The list shows a secret. If that is new, or has changed since a mint failed, its client is due at once, whatever
   * failed before.
   *
   * @returns false if it was known already
   */
  adopt(client: string, listed: { versionId: string; changedAtMs: number }, nowMs: number): Promise<boolean>;
  /** Undefined if another minter holds the lease, or the record forbids minting for now. */
  acquire(request: LeaseRequest): Promise<{ lease: Lease; record: ClientRecord } | undefined>;
  finish(lease: Lease, end: Finished): Promise<boolean>;
  /** The client is due from now on: every tick looks at it, whether or not it may try again. */
  fail(lease: Lease, end: FailedAgain): Promise<boolean>;
  /** No list has shown a secret of that name: no tick looks at the client until one does. */
  forget(lease: Lease, end: Failed): Promise<boolean>;
  /** Nothing was done. */
  release(lease: Lease): Promise<void>;
}

/** How long the item of a client without a secret is kept, in seconds. */
const KEEP_FORGOTTEN_SECONDS = 86_400;

/*
 * Conditions of DynamoDB, where AND binds before OR. Those in brackets stand first, and none has brackets it does not need: the
 * embedded engine tries every way to read a bracket, which doubles its time with each.
 */

/** With `:owner`. */
export const HELD = 'leaseOwner = :owner';
const NOTHING_NEW = '(attribute_not_exists(listedVersion) OR listedVersion IN (:listed, :used))';
const FREE = '(attribute_not_exists(leaseUntilMs) OR leaseUntilMs <= :now)';
const STILL_DUE = 'dueAtMs = :dueAt';
const ABOVE_FLOOR = '(attribute_not_exists(forcedAgainAtMs) OR forcedAgainAtMs <= :now)';
const NEW_VERSION =
  '(attribute_not_exists(listedVersion) OR listedVersion <> :version) AND (attribute_not_exists(usedVersion) OR usedVersion <> :version)';
/** While a mint fails, the client is due since the failure. A secret may be rolled back to a version that was known. */
const CHANGED_SINCE_FAILURE = 'attribute_exists(errorCode) AND dueAtMs < :changed';
/** What is known of a failure, and goes with it. `failures` is what an older release counts. */
const FAILURE = [
  'errorCode',
  'errorMessage',
  'retryAtMs',
  'failingSinceMs',
  'counts',
  'failures',
  'lastTryForMs',
  'previousForMs',
];

export function createClientRecords(dependencies: {
  dynamodb: DynamoDBClient;
  table: string;
}): ClientRecords {
  const items = createClientItems(dependencies);

  async function end(
    lease: Lease,
    { set, remove = [] }: Pick<ClientItemChange, 'set' | 'remove'>,
    usedVersion?: string,
  ): Promise<boolean> {
    const ended = await items.update(lease.client, {
      ...(set && { set }),
      remove: ['leaseOwner', 'leaseUntilMs', ...remove],
      condition: `${NOTHING_NEW} AND ${HELD}`,
      values: { ':owner': lease.owner, ':listed': lease.listedVersion ?? '', ':used': usedVersion ?? '' },
    });
    return ended !== undefined;
  }

  return {
    read: items.read,
    due: (byMs) => queryDueClients(dependencies, byMs),

    async adopt(client, { versionId, changedAtMs }, nowMs) {
      const adopted = await items.update(client, {
        set: { due: DUE, dueAtMs: nowMs, wanted: true, listedVersion: versionId, changedAtMs: nowMs },
        setOnce: { knownSinceMs: nowMs },
        remove: [...FAILURE, TABLE.ttl],
        condition: `${NEW_VERSION} OR ${CHANGED_SINCE_FAILURE}`,
        values: { ':version': versionId, ':changed': changedAtMs },
      });
      if (adopted !== undefined) return true;
      // Used before the list showed it: there is nothing to do, but what the list shows is another version now.
      await items.update(client, {
        set: { listedVersion: versionId },
        condition: 'listedVersion <> :version',
        values: { ':version': versionId },
      });
      return false;
    },

    async acquire({ client, owner, nowMs, untilMs, dueAtMs, isForced = false, despiteRest = false }) {
      const isDue = dueAtMs !== undefined;
      const rules = [
        FREE,
        ...(despiteRest ? [] : [NOT_RESTING]),
        ...(isDue ? [STILL_DUE] : []),
        ...(isForced ? [ABOVE_FLOOR] : []),
      ];
      const record = await items.update(client, {
        set: { leaseOwner: owner, leaseUntilMs: untilMs },
        setOnce: { knownSinceMs: nowMs },
        // Held already: the SDK repeated a write whose answer was lost.
        condition: `${rules.join(' AND ')} OR ${HELD}`,
        values: { ':owner': owner, ':now': nowMs, ...(isDue && { ':dueAt': dueAtMs }) },
      });
      return record && { lease: { client, owner, untilMs, listedVersion: record.listedVersion }, record };
    },

    finish: (lease, { minted, forced, ...times }) => {
      const used = minted && {
        usedVersion: minted.versionId,
        workedVersion: minted.versionId,
        mintedAtMs: minted.atMs,
      };
      const set = { due: DUE, ...times, ...used, ...forcedValues(forced) };
      return end(lease, { set, remove: ['wanted', ...FAILURE, TABLE.ttl] }, minted?.versionId);
    },

    fail: (lease, { code, message, nowMs, forced, stored, ...failed }) => {
      const failures = Math.max(...Object.values(failed.counts));
      const error = { errorCode: code, errorMessage: message, failures };
      const set = { due: DUE, dueAtMs: nowMs, ...failed, ...error, ...stored, ...forcedValues(forced) };
      return end(lease, { set, remove: [TABLE.ttl] }, failed.usedVersion);
    },

    forget: (lease, { code, message, retryAtMs, nowMs }) =>
      end(lease, {
        set: {
          errorCode: code,
          errorMessage: message,
          retryAtMs,
          [TABLE.ttl]: Math.ceil(nowMs / 1000) + KEEP_FORGOTTEN_SECONDS,
        },
        remove: ['due', 'dueAtMs', 'wanted', 'failures', 'counts', 'listedVersion', 'usedVersion'],
      }),

    async release({ client, owner }) {
      await items.update(client, {
        remove: ['leaseOwner', 'leaseUntilMs'],
        condition: HELD,
        values: { ':owner': owner },
      });
    },
  };
}

function forcedValues(forced: ForcedMint | undefined): Values {
  if (forced === undefined) return {};
  return { forcedAtMs: forced.atMs, forcedAgainAtMs: forced.againAtMs, forcedMints: forced.mints };
}
