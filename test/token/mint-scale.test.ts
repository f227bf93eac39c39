import { BatchWriteItemCommand, type WriteRequest } from '@aws-sdk/client-dynamodb';
import pMap from 'p-map';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { TABLE } from '../../lib/contract.ts';
import { accessToken, jitterOf, refreshAtMs, serveUntilMs } from '../../lib/token/access-token.ts';
import { createSecretListingStore } from '../../lib/token/secret-listing.ts';
import { startTable } from '../support/dynamodb.ts';
import { createWorld } from './minter-world.ts';

/**
 * 10 000 clients with 30-minute tokens, minted at moments spread evenly. One tick by default;
 * `PLUME_TEST_TICKS=60` runs two lifetimes of all of them (some minutes).
 */
const CLIENTS = 10_000;
const TICKS = Number(process.env.PLUME_TEST_TICKS ?? 1);
const LIFETIME_MS = 1_800_000;
/** What the function's time-out leaves for a tick. */
const TICK_LIMIT_MS = 45_000;

let engine: Awaited<ReturnType<typeof startTable>>;
let requests = 0;

beforeAll(async () => {
  engine = await startTable();
});
afterAll(() => engine.stop());

test('10 000 clients are kept fresh; requests grow with what is due', {
  timeout: TICKS * 60_000,
}, async () => {
  const world = createWorld(engine);
  const { settings, clock } = world;
  const names = Array.from({ length: CLIENTS }, (_, index) => `client-${index}`);
  await seed(world, names);
  engine.client.middlewareStack.add(
    (next) => (args) => {
      requests += 1;
      return next(args);
    },
    { step: 'initialize', name: 'countRequests' },
  );

  const ticks: { requests: number; mints: number; ms: number }[] = [];
  for (let tick = 0; tick < TICKS; tick += 1) {
    clock.advance(settings.tickMs);
    requests = 0;
    const mintsBefore = world.server.mints();
    const startedMs = performance.now();
    const { due, minted } = await world.tick();
    const mints = world.server.mints() - mintsBefore;
    expect([due, minted]).toEqual([mints, mints]);
    ticks.push({ requests, mints, ms: performance.now() - startedMs });
  }

  for (const { requests, mints, ms } of ticks) {
    // The list of secrets (2), the index (1 per MB), five for each mint; nothing for the others.
    expect(requests).toBeLessThanOrEqual(3 + 5 * mints);
    expect(mints).toBeGreaterThan(0);
    expect(mints).toBeLessThan(CLIENTS / 20);
    expect(ms).toBeLessThan(TICK_LIMIT_MS);
  }
  const tokens = await pMap(names.slice(0, 1_000), (name) => world.token(name), { concurrency: 32 });
  for (const token of tokens)
    expect(serveUntilMs(token!, settings)).toBeGreaterThan(clock.now() + settings.tickMs);
  const sum = (key: 'requests' | 'mints' | 'ms') => ticks.reduce((total, tick) => total + tick[key], 0);
  console.log(
    `${CLIENTS} clients, ${TICKS} ticks: ${sum('mints')} mints, ${(sum('requests') / sum('mints')).toFixed(2)} ` +
      `DynamoDB requests per mint, slowest tick ${Math.round(Math.max(...ticks.map(({ ms }) => ms)))} ms`,
  );
});

/** As if the minter had been running for long. */
async function seed(
  { clock, secrets, settings }: ReturnType<typeof createWorld>,
  names: readonly string[],
): Promise<void> {
  for (const name of names) secrets.put(name);
  clock.advance(3_600_000);
  const nowMs = clock.now();
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
    (batch) => engine.client.send(new BatchWriteItemCommand({ RequestItems: { [engine.table]: batch } })),
    { concurrency: 4 },
  );
  await createSecretListingStore(engine).save({ listedAtMs: clock.now(), listedAllAtMs: clock.now() });
}
