import { type AttributeValue, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { TABLE } from '../../../lib/contract.ts';
import { fingerprintOf } from '../../../lib/token/access-token.ts';
import { startTable, type Table } from '../../fixtures/table.ts';
import { createWorld, oauthError } from '../../fixtures/virtual-time/minter.ts';

/** Two releases on one table: an upgrade, and a rollback, with clients in every state. */
const MINUTE = 60_000;

let table: Table;

beforeEach(async () => {
  table = await startTable();
});
afterEach(() => table.stop());

type Item = Readonly<Record<string, AttributeValue>>;
const put = (pk: string, item: Item) =>
  table.dynamodb.send(new PutItemCommand({ TableName: table.table, Item: { pk: { S: pk }, ...item } }));
const get = async (pk: string): Promise<Item | undefined> =>
  (await table.dynamodb.send(new GetItemCommand({ TableName: table.table, Key: { pk: { S: pk } } }))).Item;
const at = (ms: number) => ({ N: String(ms) });

test('the items of the first release, before failures had counters, are read as they were meant', async () => {
  const world = createWorld(table);
  const { clock, secrets, server } = world;
  const nowMs = clock.now();
  for (const client of ['served', 'resting', 'parked', 'removed']) {
    secrets.put(client);
    // Long ago, but for the one that is back.
    if (client !== 'removed') secrets.restore(client, secrets.current(client), nowMs - 60 * MINUTE);
  }
  const version = (client: string) => ({ S: secrets.current(client).versionId });
  const known = (client: string) => ({ listedVersion: version(client), usedVersion: version(client) });
  const token = {
    accessToken: { S: 'token' },
    fingerprint: { S: fingerprintOf('token') },
    issuedAtMs: at(nowMs - 10 * MINUTE),
    expiresAtMs: at(nowMs + 20 * MINUTE),
  };
  const failing = (errorCode: string, failures: number) => ({
    ...{ due: { S: 'mint' }, dueAtMs: at(nowMs - MINUTE), wanted: { BOOL: true }, failures: at(failures) },
    ...{ errorCode: { S: errorCode }, errorMessage: { S: 'x' } },
  });
  await put('token#served', token);
  await put('mint#served', {
    ...known('served'),
    ...{ due: { S: 'mint' }, dueAtMs: at(nowMs + 16 * MINUTE), expiresAtMs: token.expiresAtMs },
  });
  await put('mint#resting', {
    ...known('resting'),
    ...failing('invalid_client', 3),
    retryAtMs: at(nowMs + 10 * MINUTE),
  });
  // Not tried again before its secret changed.
  await put('mint#parked', { ...known('parked'), ...failing('invalid_scope', 1) });
  await put('token#parked', { failureCode: { S: 'invalid_scope' }, ttl: at(nowMs / 1000 + 3_600) });
  await put('mint#removed', { errorCode: { S: 'secret_missing' }, retryAtMs: at(nowMs) });
  await put('listing', { listedAtMs: at(nowMs - MINUTE), allBegunAtMs: at(nowMs - MINUTE) });

  server.trouble = ({ client }) => (client === 'resting' ? oauthError('invalid_client', 401) : undefined);
  await world.tick();
  // Its secret is back; the parked one is tried.
  expect(server.calls.map(({ client }) => client).sort()).toEqual(['parked', 'removed']);
  expect((await world.token('served'))?.value).toBe('token');
  expect((await world.clientRecords.read('served'))?.workedVersion).toBe(secrets.current('served').versionId);
  expect((await world.clientRecords.read('resting'))?.counts).toEqual({ refusals: 3 });
  await world.ticks(9 * MINUTE);
  expect(server.mints('served') + server.mints('resting')).toBe(0);
  await world.ticks(2 * MINUTE);
  expect(server.mints('resting')).toBe(1);
  expect((await world.clientRecords.read('resting'))?.counts).toEqual({ refusals: 4 });
});

test('what the first release needs to go on is in every item: no client rests for ever, and none is hammered', async () => {
  const world = createWorld(table);
  const { secrets, server } = world;
  for (const client of ['served', 'refused', 'malformed', 'away']) secrets.put(client);
  secrets.putRaw('malformed', '{}');
  server.trouble = ({ client }) => {
    if (client === 'refused') return oauthError('invalid_scope');
    return client === 'away' ? new Response('', { status: 503 }) : undefined;
  };
  await world.tick();
  await world.ticks(10 * MINUTE);
  for (const client of ['refused', 'malformed', 'away']) {
    const item = await get(TABLE.mintKey(client));
    expect(Number(item?.retryAtMs?.N), client).toBeGreaterThan(world.clock.now() - MINUTE);
    expect(Number(item?.failures?.N), client).toBeGreaterThanOrEqual(1);
    expect(item?.errorCode?.S, client).toBeDefined();
    const noted = await get(TABLE.tokenKey(client));
    expect(noted?.failureRetryAtMs?.N, client).toBe(item?.retryAtMs?.N);
  }
  const served = await get(TABLE.mintKey('served'));
  for (const name of ['due', 'dueAtMs', 'expiresAtMs', 'checkedAtMs', 'listedVersion', 'usedVersion']) {
    expect(served, name).toHaveProperty(name);
  }
  expect(served).not.toHaveProperty('errorCode');
});
