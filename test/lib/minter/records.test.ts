import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { LOCAL_SDK_CONFIG } from '../../../infra/local/emulators/local.ts';
import { type ClientRecords, createClientRecords, type Lease } from '../../../lib/minter/client-records.ts';
import { createDeleteClient } from '../../../lib/minter/delete-client.ts';
import { createSecretListingStore } from '../../../lib/minter/secret-listing.ts';
import { startTable, type Table } from '../../fixtures/table.ts';

/** What the minter keeps in the table: what is written is read again, whole, and under a lease that still holds. */

let table: Table;
let records: ClientRecords;

beforeEach(async () => {
  table = await startTable();
  records = createClientRecords(table);
});
afterEach(() => table.stop());

const NOW_MS = 1_800_000_000_000;
const LISTED = { versionId: 'v2', changedAtMs: NOW_MS };

async function leaseOf(client: string): Promise<Lease> {
  const held = await records.acquire({ client, owner: 'me', nowMs: NOW_MS, untilMs: NOW_MS + 1 });
  if (held === undefined) throw new Error('the lease is taken');
  return held.lease;
}

test('a record has all that is known of a client after a mint', async () => {
  await records.adopt('minted', LISTED, NOW_MS);
  const times = { dueAtMs: 1, expiresAtMs: 2, refreshAtMs: 3, checkedAtMs: 4 };
  const forced = { atMs: 5, againAtMs: 6, mints: 7 };
  const end = { ...times, minted: { versionId: 'v2', atMs: 8 }, forced };
  expect(await records.finish(await leaseOf('minted'), end)).toBe(true);
  expect(await records.read('minted')).toEqual({
    ...times,
    mintedAtMs: 8,
    forcedAtMs: 5,
    forcedAgainAtMs: 6,
    forcedMints: 7,
    wanted: false,
    counts: {},
    listedVersion: 'v2',
    usedVersion: 'v2',
    workedVersion: 'v2',
    changedAtMs: NOW_MS,
    knownSinceMs: NOW_MS,
  });
});

test('a record has all that is known of a client after a failure, and none of it after a mint', async () => {
  const failure = {
    ...{
      retryAtMs: 1,
      counts: { refusals: 3, outages: 1 },
      failingSinceMs: 2,
      lastTryForMs: 3,
      previousForMs: 4,
    },
    ...{ usedVersion: 'v1', changedAtMs: 5, wanted: true },
  };
  const stored = { mintedAtMs: 6, expiresAtMs: 7, refreshAtMs: 8 };
  const error = { code: 'invalid_client', message: 'refused' } as const;
  const failed = { ...failure, ...error, nowMs: NOW_MS, stored };
  expect(await records.fail(await leaseOf('failed'), failed)).toBe(true);
  expect(await records.read('failed')).toEqual({
    ...failure,
    ...stored,
    errorCode: 'invalid_client',
    errorMessage: 'refused',
    dueAtMs: NOW_MS,
    knownSinceMs: NOW_MS,
  });
  const times = { dueAtMs: 1, expiresAtMs: 2, refreshAtMs: 3, checkedAtMs: 4 };
  await records.finish(await leaseOf('failed'), { ...times, minted: { versionId: 'v1', atMs: 9 } });
  expect(await records.read('failed')).toEqual({
    ...{ ...times, mintedAtMs: 9, wanted: false, counts: {} },
    ...{ usedVersion: 'v1', workedVersion: 'v1', changedAtMs: 5, knownSinceMs: NOW_MS },
  });
});

test('a client without a secret is due no more', async () => {
  for (const client of ['kept', 'forgotten']) await records.adopt(client, LISTED, NOW_MS);
  const lease = await leaseOf('forgotten');
  const end = { code: 'secret_missing', message: 'no secret', retryAtMs: 1, nowMs: NOW_MS } as const;
  expect(await records.forget(lease, end)).toBe(true);
  expect(await records.read('forgotten')).toMatchObject({ errorCode: 'secret_missing', retryAtMs: 1 });
  expect(await records.due()).toEqual([{ client: 'kept', dueAtMs: NOW_MS }]);
});

test('a lease that another minter holds ends nothing', async () => {
  const lost = { ...(await leaseOf('taken')), owner: 'other' };
  const end = { dueAtMs: 1, expiresAtMs: 2, refreshAtMs: 3, checkedAtMs: undefined };
  expect(await records.finish(lost, end)).toBe(false);
  await records.release(lost);
  await createDeleteClient(table)(lost);
  expect(await records.read('taken')).toMatchObject({ leaseUntilMs: NOW_MS + 1 });
});

test('a version that was used before the list showed it is only noted', async () => {
  await records.finish(await leaseOf('early'), {
    ...{ dueAtMs: 1, expiresAtMs: 2, refreshAtMs: 3, checkedAtMs: undefined },
    minted: { versionId: 'v2', atMs: 4 },
  });
  expect(await records.adopt('early', LISTED, NOW_MS)).toBe(false);
  expect(await records.read('early')).toMatchObject({ dueAtMs: 1, wanted: false, listedVersion: 'v2' });
});

test('the list of secrets is kept with where it goes on, and with what it lacks', async () => {
  const listing = createSecretListingStore(table);
  expect(await listing.read()).toBeUndefined();
  const kept = { listedAtMs: 1, allBegunAtMs: 2, cursor: 'next', missing: { mocha: 3 } };
  await listing.save(kept);
  expect(await listing.read()).toEqual(kept);
});

describe('a table that does not answer', () => {
  const away = {
    table: 'table',
    dynamodb: new DynamoDBClient({ ...LOCAL_SDK_CONFIG, endpoint: 'http://127.0.0.1:1', maxAttempts: 1 }),
  };
  const lease = { client: 'mocha', owner: 'me', untilMs: 0, listedVersion: undefined };

  test.each<[string, () => Promise<unknown>, string | undefined]>([
    ['read from', () => createClientRecords(away).read('mocha'), 'mocha'],
    ['read from', () => createClientRecords(away).due(), undefined],
    ['written to', () => createClientRecords(away).release(lease), 'mocha'],
    ['written to', () => createDeleteClient(away)(lease), 'mocha'],
    ['read from', () => createSecretListingStore(away).read(), undefined],
    [
      'written to',
      () => createSecretListingStore(away).save({ listedAtMs: 0, allBegunAtMs: 0, missing: {} }),
      undefined,
    ],
  ])('could not be %s: its error says so, of whom, and why', async (what, request, client) => {
    const whose = client === undefined ? 's' : ` of client ${client}`;
    await expect(request()).rejects.toMatchObject({
      name: 'ClientRecordsUnavailableError',
      code: 'token_store_unavailable',
      ...(client !== undefined && { client }),
      message: `the minter's record${whose} could not be ${what} the table (ECONNREFUSED); check DynamoDB's health and the function's permissions`,
    });
  });
});
