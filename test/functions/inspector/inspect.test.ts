import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { ClientRow } from '../../../functions/inspector/client-row.ts';
import { type InspectorDependencies, inspect } from '../../../functions/inspector/inspect.ts';
import { PlumeError } from '../../../lib/errors.ts';
import { startTable, type Table } from '../../fixtures/table.ts';
import { createWorld, oauthError } from '../../fixtures/virtual-time/minter.ts';

const MINUTE = 60_000;

let table: Table;
let world: ReturnType<typeof createWorld>;
let dependencies: InspectorDependencies;
const withSecret = new Set<string>();

/**
 * Clients in every state: `served` by its token; `slow`, whose secret the server refuses, with a token still; `never`, which
 * never had one; `gone`, whose secret is deleted; `asked`, whose token a worker has reported.
 */
beforeAll(async () => {
  table = await startTable();
  world = createWorld(table);
  const { clock, secrets, server } = world;
  for (const client of ['served', 'slow', 'gone', 'asked', 'never']) secrets.put(client);
  server.trouble = ({ client, secret }) =>
    client === 'never' || secret === 'wrong' ? oauthError('invalid_client', 401) : undefined;
  await world.tick();
  clock.advance(10 * MINUTE);
  await world.request('asked', (await world.token('asked'))?.fingerprint);
  secrets.put('slow', 'wrong');
  secrets.delete('gone');
  await world.tick();
  for (const client of ['served', 'slow', 'asked', 'never']) withSecret.add(client);
  dependencies = {
    settings: world.settings,
    store: world.store,
    records: world.clientRecords,
    requests: world.mintRequests,
    listSecrets: async () => [...withSecret],
    hasSecret: async (client) => withSecret.has(client),
    listKnown: async () => (await world.clientRecords.due()).map(({ client }) => client),
    introspect: async () => ({ active: true, expSeconds: 1_700_001_800, scope: 'partnerId:mocha' }),
    now: clock.now,
  };
});
afterAll(() => table.stop());

const row = async (client: string, overrides: Partial<InspectorDependencies> = {}): Promise<ClientRow> =>
  (await inspect({ client }, { ...dependencies, ...overrides }))[0]!;

test('tells the story of every client in one flat row, and no token', async () => {
  const rows = await inspect({}, dependencies);
  expect(rows.map(({ client, state, secret, error }) => [client, state, secret, error])).toEqual([
    ['asked', 'served', 'there', null],
    ['gone', 'served', 'gone', null],
    ['never', 'missing', 'there', 'invalid_client'],
    ['served', 'served', 'there', null],
    ['slow', 'served', 'there', 'invalid_client'],
  ]);
  const [first, ...others] = rows.map((one) => Object.keys(one).join());
  expect(new Set(others)).toEqual(new Set([first]));
  for (const value of rows.flatMap((one) => Object.values(one))) expect(Object(value)).not.toBe(value);
  const values = await Promise.all(rows.map(async ({ client }) => (await world.token(client))?.value));
  for (const value of values.filter((token) => token !== undefined))
    expect(JSON.stringify(rows)).not.toContain(value);
});

test("a healthy client's row says since when, until when and what is next", async () => {
  const token = (await world.token('served'))!;
  const record = (await world.clientRecords.read('served'))!;
  expect(await row('served')).toEqual({
    client: 'served',
    state: 'served',
    secondsLeft: Math.floor((token.expiresAtMs - 30_000 - world.clock.now()) / 1000),
    fingerprint: token.fingerprint,
    issuedAt: '2023-11-14T22:13:20.000Z',
    expiresAt: '2023-11-14T22:43:20.000Z',
    since: '2023-11-14T22:13:20.000Z',
    mintedAt: '2023-11-14T22:13:20.000Z',
    next: 'renewal',
    nextAt: new Date(record.refreshAtMs!).toISOString(),
    place: null,
    error: null,
    message: null,
    failures: 0,
    failingSince: null,
    secret: 'there',
    version: 'version-1',
    credentials: 'worked before',
    forcedMints: 0,
    forcedAt: null,
    askedAt: null,
    active: null,
    activeUntil: null,
    scope: null,
    introspectionError: null,
  });
});

test("a failing client's row says why, since when, of which version, and when it is tried again", async () => {
  const record = (await world.clientRecords.read('slow'))!;
  expect(await row('slow')).toMatchObject({
    error: 'invalid_client',
    message: expect.stringContaining('Partner Portal'),
    failures: 3,
    failingSince: new Date(record.failingSinceMs!).toISOString(),
    next: 'retry',
    nextAt: new Date(record.retryAtMs!).toISOString(),
    version: 'version-6',
    credentials: 'just changed',
  });
});

test('a rejected token and the worker that reported it are told', async () => {
  expect(await row('asked')).toMatchObject({
    // The first tick has lasted 15 s, for a client that was refused.
    forcedMints: 1,
    forcedAt: '2023-11-14T22:23:35.000Z',
    askedAt: '2023-11-14T22:23:35.000Z',
  });
});

test('a name without a secret and without a token is unknown; with a token it is listed until that is gone', async () => {
  expect(await row('nobody')).toMatchObject({ state: 'unknown', secret: 'gone', next: null });
  expect(await row('gone')).toMatchObject({ state: 'served', secret: 'gone' });
});

test('the places say whose token is looked at next', async () => {
  const rows = await inspect({}, dependencies);
  const inOrder = rows.toSorted((a, b) => a.place! - b.place!);
  expect(inOrder.map(({ place }) => place)).toEqual([1, 2, 3, 4, 5]);
  const moments = inOrder.map(({ nextAt }) => nextAt!);
  expect(moments).toEqual(moments.toSorted());
  expect(inOrder[0]?.client).toBe('slow');
});

test('what Secrets Manager does not tell is not known; the rest is reported', async () => {
  const listSecrets = async () => undefined;
  const rows = await inspect({}, { ...dependencies, listSecrets });
  expect(rows.map(({ client, secret }) => [client, secret])).toEqual(
    ['asked', 'gone', 'never', 'served', 'slow'].map((client) => [client, null]),
  );
});

describe('introspection', () => {
  const asked = async (client: string, overrides: Partial<InspectorDependencies> = {}) => {
    const [found] = await inspect({ client, introspect: true }, { ...dependencies, ...overrides });
    const { active, activeUntil, scope, introspectionError } = found!;
    return [active, activeUntil, scope, introspectionError];
  };

  test('tells what the authorization server says', async () => {
    expect(await asked('served')).toEqual([true, '2023-11-14T22:43:20.000Z', 'partnerId:mocha', null]);
    expect(await asked('served', { introspect: async () => ({ active: false }) })).toEqual([
      false,
      null,
      null,
      null,
    ]);
    expect(await asked('never')).toEqual([null, null, null, null]);
  });

  test.each(['oauth_unavailable', 'waf_blocked'] as const)(
    'that fails is reported by its code: %s',
    async (code) => {
      const introspect = async () => {
        throw new PlumeError(code, 'x');
      };
      expect(await asked('served', { introspect })).toEqual([null, null, null, code]);
    },
  );
});

test.each<[unknown]>([
  [null],
  ['MARKER'],
  [[]],
  [{ client: 1 }],
  [{ introspect: true }],
  [{ all: true }],
  [{ client: 'served', budget: true }],
  [{ client: 'a/b' }],
])('the event %j is refused', async (event) => {
  await expect(inspect(event, dependencies)).rejects.toMatchObject({ code: 'config_invalid' });
});

test('every field has its row in README', async () => {
  const readme = readFileSync('functions/inspector/README.md', 'utf8');
  const named = [...readme.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name),
  );
  expect(named).toEqual(Object.keys(await row('served')));
});
