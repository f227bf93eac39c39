import { afterAll, beforeAll, expect, test } from 'vitest';

import { createMemoryTicketCounter } from '../../infra/testing/memory-ticket-counter.ts';
import { createMintBudget } from '../../lib/budget/mint-budget.ts';
import { DEFAULT_BUDGET_SETTINGS } from '../../lib/budget/settings.ts';
import { isServable } from '../../lib/token/access-token.ts';
import { startTable, type Table } from '../fixtures/table.ts';
import { silentTelemetry } from '../fixtures/telemetry.ts';
import { createWorld } from '../fixtures/virtual-time/minter.ts';
import { createVirtualTime, START_MS, virtualClock } from '../fixtures/virtual-time/time.ts';
import { createRandom } from '../simulation/random.ts';

const MINUTE_MS = 60_000;
const HEALTHY = 20;

let table: Table;
beforeAll(async () => {
  table = await startTable();
});
afterAll(() => table.stop());

test.each([
  [1, 40],
  [10, 40],
])(
  'a wrong tokenUrl of %i clients, answered 403 by a WAF for %i minutes, stops no other mint and no worker',
  async (wrong, minutes) => {
    const time = createVirtualTime(START_MS, table.settled);
    const clock = virtualClock(time);
    const random = createRandom(wrong).next;
    const world = createWorld(table, {
      random,
      clock: { ...clock, advance: () => expect.unreachable('time passes by itself') },
    });
    const counter = createMemoryTicketCounter();
    const dependencies = {
      settings: DEFAULT_BUDGET_SETTINGS,
      counter,
      clock,
      telemetry: silentTelemetry,
      random,
    };
    counter.moveTo('minter', START_MS - 90_000);
    counter.moveTo('worker', START_MS);
    const budget = createMintBudget(dependencies);
    const healthy = Array.from({ length: HEALTHY }, (_, index) => `healthy-${wrong}-${index}`);
    const broken = Array.from({ length: wrong }, (_, index) => `wrong-${wrong}-${index}`);
    for (const client of [...broken, ...healthy]) world.secrets.put(client);
    world.server.lifetimeSeconds = () => 600;
    world.server.trouble = async ({ client }) => {
      await clock.sleep(broken.includes(client) ? 100 : 300);
      if (!broken.includes(client)) return undefined;
      return new Response('<html>', { status: 403, headers: { 'content-type': 'text/html' } });
    };

    let without = 0;
    let rests = 0;
    const endMs = START_MS + minutes * MINUTE_MS;
    async function watch(): Promise<void> {
      for (; clock.now() < endMs; await clock.sleep(500)) {
        for (const stream of ['worker', 'minter'] as const) {
          if ((await counter.read(stream)).breaker.blockedUntilMs !== undefined) rests += 1;
        }
      }
    }
    async function ticks(): Promise<void> {
      for (let minute = 0; minute < minutes; minute += 1) {
        await Promise.all([
          world.tick({ budget }, clock.now() + 88_000),
          clock.sleep(START_MS + (minute + 1) * MINUTE_MS - clock.now()),
        ]);
        if (minute === 0) continue;
        for (const client of healthy) {
          const token = await world.token(client);
          if (!token || !isServable(token, clock.now(), world.settings)) without += 1;
        }
      }
    }
    await Promise.all([time.run(endMs + MINUTE_MS), watch(), ticks()]);
    expect(world.server.calls.filter(({ client }) => broken.includes(client)).length).toBeGreaterThan(wrong);
    expect({ without, rests }).toEqual({ without: 0, rests: 0 });
  },
  120_000,
);
