import { afterAll, beforeAll, expect, test } from 'vitest';

import { createMintRequests, type MintRequests } from '../../../lib/token/mint-requests.ts';
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
    Array.from({ length: 50 }, () => requests.claim('many', undefined, 1_000, 6_000)),
  );
  expect(claims.filter(Boolean)).toHaveLength(1);
});

test('the next one may ask when the claim has run out: its holder may be dead', async () => {
  expect(await requests.claim('mocha', 'aaaa', 1_000, 6_000)).toBe(true);
  expect(await requests.claim('mocha', 'aaaa', 5_999, 10_000)).toBe(false);
  expect(await requests.claim('mocha', 'aaaa', 6_000, 11_000)).toBe(true);
});

test('another rejected token, or another client, is another matter', async () => {
  expect(await requests.claim('latte', 'aaaa', 1_000, 6_000)).toBe(true);
  expect(await requests.claim('latte', 'bbbb', 1_000, 6_000)).toBe(true);
  expect(await requests.claim('other', 'aaaa', 1_000, 6_000)).toBe(true);
});

test('a table that is away is a typed error', async () => {
  const lost = createMintRequests({ client: table.client, table: 'no-such-table' });
  await expect(lost.claim('mocha', undefined, 0, 1)).rejects.toMatchObject({
    code: 'token_store_unavailable',
    client: 'mocha',
  });
});
