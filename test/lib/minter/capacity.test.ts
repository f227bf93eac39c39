import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDynamoTicketCounter } from '../../../lib/budget/dynamo-ticket-counter.ts';
import { createMintBudget } from '../../../lib/budget/mint-budget.ts';
import { DEFAULT_BUDGET_SETTINGS } from '../../../lib/budget/settings.ts';
import { isServable } from '../../../lib/token/access-token.ts';
import { startTable, type Table } from '../../fixtures/table.ts';
import { silentTelemetry } from '../../fixtures/telemetry.ts';
import { createWorld } from '../../fixtures/virtual-time/minter.ts';
import { createVirtualTime, virtualClock } from '../../fixtures/virtual-time/time.ts';
import { createRandom } from '../../simulation/random.ts';

/** The clients that the minter's own stream of tickets keeps fresh: README says how many. */
const MINUTE = 60_000;
/** What the minter's time-out leaves of a tick. */
const TICK_MS = 28_000;
const MINT_MS = 300;

let table: Table;

beforeAll(async () => {
  table = await startTable();
});
afterAll(() => table.stop());

const LIFETIME_SECONDS = 600;
const CLIENTS = 42;
/** By then all have been minted for once: six a minute. */
const BEGUN_MS = 8 * MINUTE;

test('six tokens a minute: 42 clients with 10-minute tokens are kept fresh', async () => {
  const startMs = 1_700_000_000_000;
  const endMs = startMs + 30 * MINUTE;
  const time = createVirtualTime(startMs, table.settled);
  const clock = virtualClock(time);
  const random = createRandom(1).next;
  const world = createWorld(table, {
    random,
    clock: { ...clock, advance: () => expect.unreachable('time passes by itself') },
  });
  const { settings, server, secrets } = world;
  server.lifetimeSeconds = () => LIFETIME_SECONDS;
  server.trouble = async () => {
    await clock.sleep(MINT_MS);
    return undefined;
  };
  const counter = createDynamoTicketCounter({ ...table, settings: DEFAULT_BUDGET_SETTINGS });
  // The workers' stream has nothing to lend.
  await counter.init('worker', { nextMs: clock.now() + 86_400_000 });
  const budget = createMintBudget({
    settings: DEFAULT_BUDGET_SETTINGS,
    counter,
    clock,
    telemetry: silentTelemetry,
    random,
  });
  const clients = Array.from({ length: CLIENTS }, (_, index) => `client-${index}`);
  for (const client of clients) secrets.put(client);

  async function ticks(): Promise<void> {
    while (clock.now() < endMs) {
      const startedMs = clock.now();
      await world.tick({ budget }, startedMs + TICK_MS);
      expect(clock.now() - startedMs).toBeLessThan(TICK_MS);
      if (startedMs - startMs > BEGUN_MS) {
        const tokens = await Promise.all(clients.map((client) => world.token(client)));
        expect(tokens.every((token) => token && isServable(token, clock.now(), settings))).toBe(true);
      }
      await clock.sleep(startedMs + settings.tickMs - clock.now());
    }
  }
  await Promise.all([time.run(endMs + MINUTE), ticks()]);
  // Each was minted for more than once, and nobody more often than its tokens ask for.
  expect(server.mints()).toBeGreaterThan(3 * CLIENTS);
  expect(server.mints()).toBeLessThanOrEqual(6 * 31);
});
