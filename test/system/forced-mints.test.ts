import { afterAll, beforeAll, expect, test } from 'vitest';

import { isPlumeError } from '../../lib/errors.ts';
import { createBroker, type WorkerBroker } from '../../lib/plume/broker.ts';
import { createMintRequests } from '../../lib/token/mint-requests.ts';
import { createTokenReader } from '../../lib/token/read-token.ts';
import { openBudget } from '../fixtures/open-budget.ts';
import { startTable, type Table } from '../fixtures/table.ts';
import { silentTelemetry } from '../fixtures/telemetry.ts';
import { createWorld } from '../fixtures/virtual-time/minter.ts';
import { createVirtualTime, virtualClock } from '../fixtures/virtual-time/time.ts';
import { createRandom } from '../simulation/random.ts';

/** An API that answers 401 to everything, for ten minutes of virtual time, under the default settings. */
const SPAN_MS = 600_000;
/** Of each client: callers in each of its instances, which have memories of their own. */
const CALLERS: Readonly<Record<string, readonly number[]>> = { mocha: [2, 2], latte: [1] };
const API_MS = 50;

let table: Table;

beforeAll(async () => {
  table = await startTable();
});
afterAll(() => table.stop());

test('an API that rejects every token for ten minutes: forced mints of a client come 30 s apart, then twice as far each time', async () => {
  const startMs = 1_700_000_000_000;
  const endMs = startMs + SPAN_MS;
  const time = createVirtualTime(startMs, table.settled);
  const clock = virtualClock(time);
  const random = createRandom(1).next;
  const world = createWorld(table, {
    random,
    clock: { ...clock, advance: () => expect.unreachable('time passes by itself') },
  });
  const { settings, server } = world;
  let calls = 0;

  const instance = (): WorkerBroker =>
    createBroker({
      apiUrl: new URL('https://api.example'),
      tokens: createTokenReader({
        store: world.store,
        requests: createMintRequests(table),
        askMinter: (client, rejected) => world.request(client, rejected),
        settings,
        clock,
        telemetry: silentTelemetry,
        random,
      }),
      budget: openBudget(),
      fetch: async () => {
        calls += 1;
        await clock.sleep(API_MS);
        return Response.json({}, { status: 401 });
      },
      clock,
      telemetry: silentTelemetry,
      timeoutMs: 60_000,
    });

  /** As a worker does: one call per invocation, come back when told to, or at once. */
  async function call(plume: WorkerBroker, client: string): Promise<void> {
    while (clock.now() < endMs) {
      const session = plume.open({ client, patienceMs: () => 30_000, endsInMs: 60_000 });
      const end = await session.fetch('/v1').catch((error: unknown) => error);
      await session.close();
      if (end instanceof Response) expect(end.status).toBe(401);
      else expect(isPlumeError(end) && end.code, String(end)).toBe('token_unavailable');
      const comesBackAtMs = isPlumeError(end) ? (end.retryAtMs ?? 0) : clock.now() + 500;
      await clock.sleep(Math.max(0, Math.min(comesBackAtMs, endMs) - clock.now()));
    }
  }

  async function tick(): Promise<void> {
    while (clock.now() < endMs) {
      await world.tick();
      await clock.sleep(settings.tickMs);
    }
  }

  const callers = Object.entries(CALLERS).flatMap(([client, instances]) => {
    world.secrets.put(client);
    return instances.flatMap((count) => {
      const plume = instance();
      return Array.from({ length: count }, () => call(plume, client));
    });
  });
  await Promise.all([time.run(endMs + 60_000), tick(), ...callers]);

  expect(calls).toBeGreaterThan(100);
  for (const client of Object.keys(CALLERS)) {
    const mints = server.calls.filter((request) => request.client === client).map(({ atMs }) => atMs);
    const [first, ...forced] = mints;
    expect(first).toBe(startMs);
    // The API may be well again at any time: trying goes on.
    expect(forced.length).toBe(5);
    for (const [index, moment] of forced.slice(1).entries()) {
      const floorMs = settings.forcedMintFloorMs * 2 ** index;
      expect(moment - (forced[index] as number)).toBeGreaterThanOrEqual(floorMs);
      expect(moment - (forced[index] as number)).toBeLessThan(floorMs + 15_000);
    }
  }
});
