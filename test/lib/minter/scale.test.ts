import { BatchWriteItemCommand, type WriteRequest } from '@aws-sdk/client-dynamodb';
import pMap from 'p-map';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { TABLE } from '../../../lib/contract.ts';
import { jitterOf, refreshAtMs } from '../../../lib/minter/mint-times.ts';
import { createSecretListingStore } from '../../../lib/minter/secret-listing.ts';
import { accessToken, serveUntilMs } from '../../../lib/token/access-token.ts';
import type { TokenSettings } from '../../../lib/token/settings.ts';
import { startTable, type Table } from '../../fixtures/table.ts';
import { createWorld } from '../../fixtures/virtual-time/minter.ts';
import { createVirtualTime, virtualClock } from '../../fixtures/virtual-time/time.ts';

/**
 * 10 000 clients with 30-minute tokens, minted at moments spread evenly, with a call budget that is large enough. One
 * tick by default; `PLUME_TEST_TICKS=60` runs two lifetimes of all of them (some minutes).
 */
const CLIENTS = 10_000;
const TICKS = Number(process.env.PLUME_TEST_TICKS ?? 1);
const LIFETIME_MS = 1_800_000;
/** What the minter's time-out of 30 s leaves for a tick. */
const TICK_LIMIT_MS = 28_000;
/** On virtual time: a request to the table, and one for a token. */
const TABLE_MS = 10;
const MINT_MS = 500;

let engine: Table;
let requests = 0;

beforeAll(async () => {
  engine = await startTable();
});
afterAll(() => engine.stop());

test('10 000 clients are kept fresh; requests grow with what is due', {
  timeout: TICKS * 300_000,
}, async () => {
  const time = createVirtualTime(1_700_000_000_000, engine.settled);
  const clock = virtualClock(time);
  const advance = (): void => expect.unreachable('time passes by itself');
  const world = createWorld(engine, { clock: { ...clock, advance } });
  const { settings, server, secrets } = world;
  const names = Array.from({ length: CLIENTS }, (_, index) => `client-${index}`);
  for (const name of names) secrets.put(name);
  await time.run(clock.now() + 3_600_000);
  await seed(names, clock.now(), settings);
  server.trouble = async () => {
    await clock.sleep(MINT_MS);
    return undefined;
  };
  engine.dynamodb.middlewareStack.add(
    (next) => async (args) => {
      requests += 1;
      await clock.sleep(TABLE_MS);
      return next(args);
    },
    // Before a request counts as under way: until then time passes.
    { step: 'initialize', priority: 'high', name: 'tableLatency' },
  );

  const ticks: { requests: number; due: number; minted: number; mints: number; ms: number }[] = [];
  async function tick(): Promise<void> {
    requests = 0;
    const mintsBefore = server.mints();
    const startedMs = clock.now();
    const { due, minted } = await world.tick({}, startedMs + TICK_LIMIT_MS);
    const mints = server.mints() - mintsBefore;
    ticks.push({ requests, due, minted, mints, ms: clock.now() - startedMs });
  }
  await time.run(clock.now() + settings.tickMs);
  for (let count = 0; count < TICKS; count += 1) {
    await Promise.all([tick(), time.run(clock.now() + settings.tickMs)]);
  }
  engine.dynamodb.middlewareStack.remove('tableLatency');

  for (const { requests, due, minted, mints, ms } of ticks) {
    expect([due, minted]).toEqual([mints, mints]);
    // The list of secrets (2), the index (1 per MB), five for each mint; nothing for the others.
    expect(requests).toBeLessThanOrEqual(3 + 5 * mints);
    expect(mints).toBeGreaterThan(0);
    expect(mints).toBeLessThan(CLIENTS / 20);
    expect(ms).toBeLessThan(TICK_LIMIT_MS);
  }
  const tokens = await pMap(names.slice(0, 1_000), (name) => world.token(name), { concurrency: 32 });
  for (const token of tokens)
    expect(serveUntilMs(token!, settings)).toBeGreaterThan(clock.now() + settings.tickMs);
  const sum = (key: 'requests' | 'mints') => ticks.reduce((total, tick) => total + tick[key], 0);
  console.log(
    `${CLIENTS} clients, ${TICKS} ticks: ${sum('mints')} mints, ${(sum('requests') / sum('mints')).toFixed(2)} ` +
      `DynamoDB requests per mint, longest tick ${Math.max(...ticks.map(({ ms }) => ms))} ms of virtual time`,
  );
});

/** As if the minter had been running for long. */
async function seed(names: readonly string[], nowMs: number, settings: TokenSettings): Promise<void> {
  const puts = names.flatMap((name, index): WriteRequest[] => {
    // No token is due yet, and none will be twice before the last.
    const ageMs = (LIFETIME_MS - 240_000) * (index / names.length);
    const token = accessToken(`seed-${name}`, nowMs - ageMs, nowMs - ageMs + LIFETIME_MS);
    const item = {
      fingerprint: { S: token.fingerprint },
      issuedAtMs: { N: String(token.issuedAtMs) },
      expiresAtMs: { N: String(token.expiresAtMs) },
    };
    const dueAtMs = refreshAtMs(token, settings, jitterOf(name));
    const due = { due: { S: 'mint' }, dueAtMs: { N: String(dueAtMs) }, expiresAtMs: item.expiresAtMs };
    return [
      { [TABLE.partitionKey]: { S: TABLE.tokenKey(name) }, accessToken: { S: token.value }, ...item },
      { [TABLE.partitionKey]: { S: TABLE.mintKey(name) }, ...due },
    ].map((Item) => ({ PutRequest: { Item } }));
  });
  const batches = Array.from({ length: Math.ceil(puts.length / 25) }, (_, index) =>
    puts.slice(25 * index, 25 * index + 25),
  );
  await pMap(
    batches,
    (batch) => engine.dynamodb.send(new BatchWriteItemCommand({ RequestItems: { [engine.table]: batch } })),
    { concurrency: 4 },
  );
  await createSecretListingStore(engine).save({ missing: {}, listedAtMs: nowMs, allBegunAtMs: nowMs });
}
