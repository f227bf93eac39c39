import { afterAll, beforeAll, expect, test } from 'vitest';

import { createMintRequests, isHonoured, type MintRequests } from '../../../lib/token/mint-requests.ts';
import { startTable, type Table } from '../../fixtures/table.ts';

let table: Table;
let requests: MintRequests;
beforeAll(async () => {
  table = await startTable();
  requests = createMintRequests(table);
});
afterAll(() => table.stop());

test('one of 50 at once may ask', async () => {
  const claims = await Promise.all(
    Array.from({ length: 50 }, () => requests.claim('many', undefined, 1_000)),
  );
  expect(claims.filter(Boolean)).toHaveLength(1);
});

test('the next one may ask when the claim has run out: its holder may be dead', async () => {
  expect(await requests.claim('mocha', 'aaaa', 1_000)).toBe(true);
  expect(await requests.claim('mocha', 'aaaa', 5_999)).toBe(false);
  expect(await requests.claim('mocha', 'aaaa', 6_000)).toBe(true);
});

test('another rejected token, or another client, is another matter', async () => {
  expect(await requests.claim('latte', 'aaaa', 1_000)).toBe(true);
  expect(await requests.claim('latte', 'bbbb', 1_000)).toBe(true);
  expect(await requests.claim('other', 'aaaa', 1_000)).toBe(true);
});

test('a table that is away is a typed error', async () => {
  const lost = createMintRequests({ dynamodb: table.dynamodb, table: 'no-such-table' });
  await expect(lost.claim('mocha', undefined, 0)).rejects.toMatchObject({
    code: 'token_store_unavailable',
    client: 'mocha',
  });
});

test("the minter honours a worker's claim for a minute, and of the token that it names alone", async () => {
  expect(isHonoured(await requests.lastClaim('asked'), undefined, 1_000)).toBe(false);
  await requests.claim('asked', undefined, 1_000_000);
  const none = await requests.lastClaim('asked');
  expect(none).toEqual({ atMs: 1_000_000 });
  expect(isHonoured(none, undefined, 1_059_999)).toBe(true);
  expect(isHonoured(none, undefined, 1_060_000)).toBe(false);
  // A claim that no honest clock can have written.
  expect(isHonoured(none, undefined, 940_000)).toBe(false);
  expect(isHonoured(none, 'aaaa', 1_000_000)).toBe(false);
  await requests.claim('asked', 'aaaa', 1_000_000);
  const rejected = await requests.lastClaim('asked');
  expect(rejected).toEqual({ rejected: 'aaaa', atMs: 1_000_000 });
  expect(isHonoured(rejected, 'aaaa', 1_000_000)).toBe(true);
  expect(isHonoured(rejected, 'bbbb', 1_000_000)).toBe(false);
  expect(isHonoured(rejected, undefined, 1_000_000)).toBe(false);
});
