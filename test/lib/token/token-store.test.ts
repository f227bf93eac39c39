import { afterAll, beforeAll, expect, test } from 'vitest';
import { createClientRecords } from '../../../lib/minter/client-records.ts';
import { createSecretListingStore } from '../../../lib/minter/secret-listing.ts';
import { accessToken } from '../../../lib/token/access-token.ts';
import { createTokenStore } from '../../../lib/token/token-store.ts';
import { startTable, type Table } from '../../fixtures/table.ts';

let engine: Table;
let store: ReturnType<typeof createTokenStore>;
const first = accessToken('first', 1_000, 601_000);
const second = accessToken('second', 2_000, 602_000);
const third = accessToken('third', 3_000, 603_000);

beforeAll(async () => {
  engine = await startTable();
  store = createTokenStore(engine);
});
afterAll(() => engine.stop());

test('reads what it stored; the value stays out of serialisations', async () => {
  expect(await store.read('mocha')).toBeUndefined();
  expect(await store.replace('mocha', first, undefined)).toBe(true);
  const { token } = (await store.read('mocha'))!;
  expect(token).toEqual(first);
  expect(token?.value).toBe('first');
  expect(JSON.stringify(token)).not.toContain('first');
});

test('replaces only the token that the caller has seen', async () => {
  expect(await store.replace('latte', first, undefined)).toBe(true);
  expect(await store.replace('latte', second, undefined)).toBe(false);
  expect(await store.replace('latte', second, first.fingerprint)).toBe(true);
  expect(await store.replace('latte', third, first.fingerprint)).toBe(false);
  expect((await store.read('latte'))?.token).toEqual(second);
  // An item that time to live has removed meanwhile is in nobody's way.
  expect(await store.replace('gone', third, first.fingerprint)).toBe(true);
});

test('a failure stands beside the token until the next one is stored', async () => {
  await store.noteFailure('flat-white', { code: 'oauth_unavailable', retryAtMs: 5_000 }, 1_000);
  expect(await store.read('flat-white')).toEqual({
    failure: { code: 'oauth_unavailable', retryAtMs: 5_000 },
  });
  await store.replace('flat-white', first, undefined);
  expect(await store.read('flat-white')).toEqual({ token: first });
  await store.noteFailure('flat-white', { code: 'oauth_unavailable', retryAtMs: 5_000 }, 1_000);
  const failure = { code: 'invalid_scope', retryAtMs: 9_000 } as const;
  await store.noteFailure('flat-white', failure, 1_000);
  expect(await store.read('flat-white')).toEqual({ token: first, failure });
});

test('a table that is not there: a typed error without the token', async () => {
  const away = createTokenStore({ dynamodb: engine.dynamodb, table: 'nowhere' });
  const code = 'token_store_unavailable';
  await expect(away.read('mocha')).rejects.toMatchObject({ code, client: 'mocha' });
  await expect(away.replace('mocha', first, undefined)).rejects.toMatchObject({ code });
  await expect(away.noteFailure('mocha', { code: 'invalid_scope', retryAtMs: 0 }, 0)).rejects.toMatchObject({
    code,
  });
});

test('every read of an item is a consistent one', async () => {
  const reads: unknown[] = [];
  engine.dynamodb.middlewareStack.add(
    (next, context) => (args) => {
      if (context.commandName === 'GetItemCommand') reads.push(args.input);
      return next(args);
    },
    { step: 'initialize', name: 'reads' },
  );
  await store.read('mocha');
  await createClientRecords(engine).read('mocha');
  await createSecretListingStore(engine).read();
  engine.dynamodb.middlewareStack.remove('reads');
  expect(reads).toHaveLength(3);
  for (const input of reads) expect(input).toMatchObject({ ConsistentRead: true });
});
