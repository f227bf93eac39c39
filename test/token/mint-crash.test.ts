import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { CallBudget } from '../../lib/budget/call-budget.ts';
import { isServable, jitterOf, refreshAtMs } from '../../lib/token/access-token.ts';
import type { MinterDependencies } from '../../lib/token/mint-token.ts';
import { startTable } from '../support/dynamodb.ts';
import { createWorld } from './minter-world.ts';

/** The minter dies at its n-th step: before the step took effect, or after it and before the answer arrived. */

const LEASE_MS = 40_000;

class Crash extends Error {}

/** Each call of a dependency is a step. From the fatal one on nothing happens any more: the process is dead. */
function mortal(dependencies: MinterDependencies, fatal: { step: number; when: 'before' | 'after' }) {
  let step = 0;
  const steps: string[] = [];
  const wrap =
    <Args extends unknown[], Result>(name: string, call: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      step += 1;
      const isFatal = step === fatal.step;
      if (step > fatal.step || (isFatal && fatal.when === 'before')) throw new Crash(name);
      const result = await call(...args);
      steps.push(name);
      if (isFatal) throw new Crash(name);
      return result;
    };
  const wrapAll = <Port extends object>(port: Port): Port =>
    Object.fromEntries(
      Object.entries(port).map(([name, value]) => [
        name,
        typeof value === 'function' ? wrap(name, value.bind(port)) : value,
      ]),
    ) as Port;
  const budget: CallBudget = {
    ...dependencies.budget,
    openBook: (options) => {
      const book = dependencies.budget.openBook(options);
      return { attempt: wrap('attempt', book.attempt) as typeof book.attempt, close: book.close };
    },
  };
  return {
    steps,
    dependencies: {
      budget,
      store: wrapAll(dependencies.store),
      ledger: wrapAll(dependencies.ledger),
      secrets: wrapAll({ read: dependencies.secrets.read }),
      fetch: wrap('fetch', dependencies.fetch) as typeof fetch,
    },
  };
}

let engine: Awaited<ReturnType<typeof startTable>>;
let serial = 0;

beforeAll(async () => {
  engine = await startTable();
});
afterAll(() => engine.stop());

type World = ReturnType<typeof createWorld>;

interface Scenario {
  readonly name: string;
  /** Brings the client to where the fatal mint begins. */
  readonly before: (world: World, client: string) => Promise<void>;
  /** The mint that dies. */
  readonly run: (world: World, client: string, mortals: Partial<MinterDependencies>) => Promise<unknown>;
}

const rejectedOf = async (world: World, client: string) => (await world.token(client))?.fingerprint;

const SCENARIOS: readonly Scenario[] = [
  {
    name: 'a worker without a token',
    before: async () => {},
    run: (world, client, mortals) => world.request(client, undefined, mortals),
  },
  {
    name: 'a rejected token',
    before: async (world, client) => {
      await world.request(client);
      world.clock.advance(60_000);
    },
    run: async (world, client, mortals) => world.request(client, await rejectedOf(world, client), mortals),
  },
  {
    name: 'a token that is due',
    before: async (world, client) => {
      await world.request(client);
      world.clock.advance(28 * 60_000);
    },
    run: (world, _client, mortals) => world.tick(mortals),
  },
  {
    name: 'a new secret',
    before: async (world, client) => {
      await world.tick();
      world.clock.advance(60_000);
      world.secrets.put(client, 'second');
    },
    run: (world, _client, mortals) => world.tick(mortals),
  },
  {
    name: 'a server that answers 500',
    before: async (world) => {
      let calls = 0;
      world.server.trouble = () => {
        calls += 1;
        return calls === 1 ? new Response('', { status: 500 }) : undefined;
      };
    },
    run: (world, client, mortals) => world.request(client, undefined, mortals),
  },
];

describe.each(SCENARIOS)('$name', ({ name, before, run }) => {
  test.each(['before', 'after'] as const)('killed %s every step', async (when) => {
    for (let step = 1; ; step += 1) {
      serial += 1;
      const client = `client-${serial}`;
      // Time goes on from world to world, as the table does.
      const world = createWorld(engine, { startMs: 1_700_000_000_000 + serial * 3_600_000 });
      world.secrets.put(client);
      await before(world, client);
      const minted = world.server.mints(client);
      const served = await world.token(client);
      const { dependencies, steps } = mortal(world.dependencies, { step, when });
      const survived = await run(world, client, dependencies).then(
        () => true,
        () => false,
      );
      const at = `${when} step ${step}, after ${steps.join(' ')}`;

      // At once: a token in service is in service still, or replaced by a newer one.
      const after = await world.token(client);
      if (served !== undefined) expect(after?.issuedAtMs, at).toBeGreaterThanOrEqual(served.issuedAtMs);
      // No second mint while the first may be alive.
      const requested = world.server.mints(client);
      expect(['pending', 'current', 'failed', 'minted'], at).toContain(
        (await world.request(client, after?.fingerprint)).status,
      );
      if (requested > minted) expect(world.server.mints(client), at).toBe(requested);

      // When the lease has lapsed, the next ticks and the next worker find everything in order.
      world.clock.advance(LEASE_MS);
      await world.ticks(2 * world.settings.tickMs);
      const again = await world.request(
        client,
        name === 'a rejected token' ? served?.fingerprint : undefined,
      );
      expect(['minted', 'current'], at).toContain(again.status);
      const token = (await world.token(client))!;
      expect(isServable(token, world.clock.now(), world.settings), at).toBe(true);
      const record = await world.ledger.read(client);
      expect(record, at).toMatchObject({ failures: 0, wanted: false });
      expect(record?.leaseUntilMs ?? 0, at).toBeLessThan(world.clock.now());
      // Due too early (the old token's time stands) does no harm, too late would.
      expect(record?.dueAtMs, at).toBeLessThanOrEqual(refreshAtMs(token, world.settings, jitterOf(client)));
      // One that died with its answer, and one that replaced it.
      expect(world.server.mints(client) - minted, at).toBeLessThanOrEqual(2);
      world.secrets.delete(client);
      if (survived && steps.length < step) return;
    }
  });
});
