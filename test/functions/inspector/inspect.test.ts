import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { type InspectorDependencies, inspect } from '../../../functions/inspector/inspect.ts';
import { PlumeError } from '../../../lib/errors.ts';
import { createClientRecords, type FailedAgain } from '../../../lib/minter/client-records.ts';
import { accessToken } from '../../../lib/token/access-token.ts';
import { DEFAULT_TOKEN_SETTINGS } from '../../../lib/token/settings.ts';
import { createTokenStore } from '../../../lib/token/token-store.ts';
import { startTable, type Table } from '../../fixtures/table.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const MINUTE = 60_000;

let table: Table;
let dependencies: InspectorDependencies;

beforeAll(async () => {
  table = await startTable();
  const store = createTokenStore(table);
  await store.replace('mocha', accessToken('MARKER-m', NOW - MINUTE, NOW + 9 * MINUTE), undefined);
  await store.replace('grace', accessToken('MARKER-g', NOW - 9 * MINUTE, NOW + 20_000), undefined);
  await store.replace('late', accessToken('MARKER-l', NOW - 20 * MINUTE, NOW - MINUTE), undefined);
  const clientRecords = createClientRecords(table);
  const fail = async (client: string, failed: Pick<FailedAgain, 'code' | 'retryAtMs'>): Promise<void> => {
    const request = { client, owner: 'me', nowMs: NOW, untilMs: NOW + MINUTE };
    const { lease } = (await clientRecords.acquire(request))!;
    const end = { ...failed, message: `${failed.code} it is`, nowMs: NOW, counts: { refusals: 2 } };
    const facts = { failingSinceMs: NOW, wanted: false, usedVersion: 'v1' };
    expect(await clientRecords.fail(lease, { ...end, ...facts })).toBe(true);
  };
  await fail('late', { code: 'invalid_client', retryAtMs: NOW + MINUTE });
  await fail('never', { code: 'invalid_scope', retryAtMs: NOW + 60 * MINUTE });
  dependencies = {
    settings: DEFAULT_TOKEN_SETTINGS,
    store,
    records: clientRecords,
    listClients: async () => ['grace', 'late', 'mocha', 'never', 'unknown'],
    introspect: async (_, { value }) =>
      value === 'MARKER-m'
        ? { active: true, expSeconds: NOW / 1000 + 540, scope: 'partnerId:mocha' }
        : { active: false },
    now: () => NOW,
  };
});
afterAll(() => table.stop());

test('reports every client, and no token', async () => {
  const report = await inspect({}, dependencies);
  expect(report.clients).toEqual([
    expect.objectContaining({ client: 'grace', state: 'expiring', secondsLeft: 0 }),
    expect.objectContaining({
      client: 'late',
      state: 'expired',
      secondsLeft: 0,
      lastError: {
        code: 'invalid_client',
        message: 'invalid_client it is',
        failures: 2,
        retryAt: '2026-01-01T00:01:00.000Z',
      },
    }),
    {
      client: 'mocha',
      state: 'served',
      secondsLeft: 9 * 60 - 30,
      fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
      issuedAt: '2025-12-31T23:59:00.000Z',
      expiresAt: '2026-01-01T00:09:00.000Z',
    },
    {
      client: 'never',
      state: 'missing',
      lastError: {
        code: 'invalid_scope',
        message: 'invalid_scope it is',
        failures: 2,
        retryAt: '2026-01-01T01:00:00.000Z',
      },
    },
    { client: 'unknown', state: 'missing' },
  ]);
  expect(JSON.stringify(report)).not.toContain('MARKER');
});

describe('introspection', () => {
  const introspection = async (client: string, using = dependencies) =>
    (await inspect({ client, introspect: true }, using)).clients[0]?.introspection;

  test('tells what the authorization server says', async () => {
    expect(await introspection('mocha')).toEqual({
      active: true,
      expiresAt: '2026-01-01T00:09:00.000Z',
      scope: 'partnerId:mocha',
    });
    expect(await introspection('late')).toEqual({ active: false });
    expect(await introspection('unknown')).toBeUndefined();
  });

  test('that fails is reported by its code', async () => {
    const introspect = async () => {
      throw new PlumeError('oauth_unavailable', 'away');
    };
    expect(await introspection('mocha', { ...dependencies, introspect })).toEqual({
      error: 'oauth_unavailable',
    });
  });
});

test.each<[unknown]>([
  [null],
  ['MARKER'],
  [[]],
  [{ client: 1 }],
  [{ introspect: true }],
  [{ all: true }],
  [{ client: 'a/b' }],
])('the event %j is refused', async (event) => {
  await expect(inspect(event, dependencies)).rejects.toMatchObject({ code: 'config_invalid' });
});
