import { afterAll, beforeAll, expect, test } from 'vitest';

import type { Clock } from '../../../lib/platform/clock.ts';
import { createServerClock, type ServerClock } from '../../../lib/platform/server-clock.ts';
import { serveUntilMs } from '../../../lib/token/access-token.ts';
import { createTokenReader } from '../../../lib/token/read-token.ts';
import { startTable, type Table } from '../../fixtures/table.ts';
import { silentTelemetry } from '../../fixtures/telemetry.ts';
import { createWorld } from '../../fixtures/virtual-time/minter.ts';

/** Machines whose clocks are minutes off: DynamoDB's answers correct them, from the first one on. */
const MINUTE = 60_000;
const LIFE_SECONDS = 600;

let table: Table;

beforeAll(async () => {
  table = await startTable();
});
afterAll(() => table.stop());

/** An instance that knows nothing yet, whose clock is off, and that sees the table's answers while it is at work. */
async function coldInstance<Result>(
  trueClock: Clock,
  offsetMs: number,
  work: (clock: ServerClock) => Promise<Result>,
): Promise<Result> {
  const local: Clock = { now: () => trueClock.now() + offsetMs, sleep: trueClock.sleep };
  const clock = createServerClock({ clock: local });
  table.dynamodb.middlewareStack.add(
    (next) => async (args) => {
      const sentMs = local.now();
      const result = await next(args);
      // As the header says it: cut to whole seconds.
      clock.observe(Math.floor(trueClock.now() / 1000) * 1000, sentMs, local.now());
      return result;
    },
    { step: 'deserialize', priority: 'low', name: 'observeDate' },
  );
  try {
    return await work(clock);
  } finally {
    table.dynamodb.middlewareStack.remove('observeDate');
  }
}

test.each([
  [-10, 10],
  [-5, 5],
  [5, -5],
  [10, -10],
])(
  'a minter %i minutes off and workers %i minutes off: 10-minute tokens are always there, and none is sent too late',
  async (minterOffset, workerOffset) => {
    const world = createWorld(table, { startMs: 1_700_000_000_000 + (minterOffset + 100) * 3_600_000 });
    const { clock, server, secrets, settings, store, mintRequests } = world;
    const client = `client-${minterOffset}`;
    secrets.put(client);
    server.lifetimeSeconds = () => LIFE_SECONDS;
    const read = () =>
      coldInstance(clock, workerOffset * MINUTE, (workerClock) =>
        createTokenReader({
          store,
          requests: mintRequests,
          askMinter: (name, rejected) => world.request(name, rejected),
          settings,
          clock: workerClock,
          telemetry: silentTelemetry,
          random: () => 0.5,
        }).get(client, { waitUntilMs: workerClock.localNow() }),
      );
    const startMs = clock.now();
    for (let minute = 0; minute < 60; minute += 1) {
      clock.advance(Math.max(0, startMs + minute * MINUTE - clock.now()));
      await coldInstance(clock, minterOffset * MINUTE, (minterClock) => world.tick({ clock: minterClock }));
      clock.advance(MINUTE / 2);
      const { token } = await read();
      expect(serveUntilMs(token, settings)).toBeGreaterThan(clock.now() - 1_000);
      expect(token.expiresAtMs).toBeLessThanOrEqual(clock.now() + LIFE_SECONDS * 1_000 + 1_000);
    }
    // Once in 7 minutes, as by a clock that is right.
    expect(server.mints(client)).toBeLessThanOrEqual(60 / 6 + 1);
    secrets.delete(client);
  },
);

test('a worker that has waited in vain comes back by its own clock', async () => {
  const world = createWorld(table, { startMs: 1_800_000_000_000 });
  const { clock, settings, store, mintRequests } = world;
  const offsetMs = -7 * MINUTE;
  const retryAtMs = clock.now() + 20 * MINUTE;
  await store.noteFailure('late', { code: 'invalid_client', retryAtMs }, clock.now());
  const error = await coldInstance(clock, offsetMs, (workerClock) =>
    createTokenReader({
      store,
      requests: mintRequests,
      askMinter: () => expect.unreachable('the failure stands'),
      settings,
      clock: workerClock,
      telemetry: silentTelemetry,
      random: () => 0.5,
    }).get('late', { waitUntilMs: workerClock.localNow() + MINUTE }),
  ).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'token_unavailable', mintCode: 'invalid_client' });
  const comesBackMs = (error as { retryAtMs: number }).retryAtMs - offsetMs;
  expect(Math.abs(comesBackMs - retryAtMs)).toBeLessThanOrEqual(1_000);
});
