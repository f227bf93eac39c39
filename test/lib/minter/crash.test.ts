import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { MintBudget } from '../../../lib/budget/mint-budget.ts';
import type { SecretPage } from '../../../lib/credentials/secrets.ts';
import { jitterOf, refreshAtMs } from '../../../lib/minter/mint-times.ts';
import { forgetClient } from '../../../lib/minter/remove-clients.ts';
import { isServable } from '../../../lib/token/access-token.ts';
import type { TokenSettings } from '../../../lib/token/settings.ts';
import { startTable, type Table } from '../../fixtures/table.ts';
import { createWorld, json, oauthError } from '../../fixtures/virtual-time/minter.ts';

/** The minter dies at its n-th step: before the step took effect, or after it and before the answer arrived. */

const LEASE_MS = 40_000;

class Crash extends Error {}

/** Each call of a dependency is a step. From the fatal one on nothing happens any more: the process is dead. */
function mortal(
  { dependencies, listing, secrets, deleteClient }: World,
  fatal: { step: number; when: 'before' | 'after' },
) {
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
  /** As far as the first page, which is a step. */
  async function* list(...args: Parameters<typeof secrets.list>): AsyncGenerator<SecretPage> {
    const [page] = await wrap('list', async () => Array.fromAsync(secrets.list(...args)))();
    if (page !== undefined) yield page;
  }
  const budget: MintBudget = {
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
      clientRecords: wrapAll(dependencies.clientRecords),
      listing: wrapAll(listing),
      deleteClient: wrap('deleteClient', deleteClient),
      secrets: { ...wrapAll({ read: secrets.read }), list },
      fetch: wrap('fetch', dependencies.fetch) as typeof fetch,
    },
  };
}

let engine: Table;
let serial = 0;

beforeAll(async () => {
  engine = await startTable();
});
afterAll(() => engine.stop());

type World = ReturnType<typeof createWorld>;
type Mortals = ReturnType<typeof mortal>['dependencies'];

interface Scenario {
  readonly name: string;
  readonly settings?: Partial<TokenSettings>;
  /** Brings the client to where the fatal mint begins. */
  readonly before: (world: World, client: string) => Promise<void>;
  /** The mint that dies. */
  readonly run: (world: World, client: string, mortals: Mortals) => Promise<unknown>;
  /** How many requests for a token it may take: one that died with its answer, and one that replaced it. @default 2 */
  readonly requests?: number;
  /** What becomes of the client in the end. @default - a token */
  readonly end?: 'none';
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
    name: 'a grant that says nothing of its life',
    before: async (world) => {
      world.server.trouble = ({ endpoint, client }) =>
        endpoint === 'token'
          ? json({ token_type: 'Bearer', access_token: `opaque-${client}-${world.server.mints(client)}` })
          : json({ active: true, exp: world.clock.now() / 1000 + 1800 });
    },
    run: (world, client, mortals) => world.request(client, undefined, mortals),
  },
  {
    name: 'a token that is found revoked',
    settings: { introspectEveryMs: 300_000 },
    before: async (world, client) => {
      await world.tick();
      world.server.revoked.add((await world.token(client))?.value ?? '');
      world.clock.advance(300_000);
    },
    run: (world, _client, mortals) => world.tick(mortals),
  },
  {
    name: 'a secret that changes after it was read',
    // The refused one besides.
    requests: 3,
    before: async (world) => {
      world.server.trouble = ({ client, secret }) => {
        if (secret !== 'secret') return undefined;
        world.secrets.put(client, 'second');
        return oauthError('invalid_client', 401);
      };
    },
    run: (world, client, mortals) => world.request(client, undefined, mortals),
  },
  {
    name: 'a secret that is gone',
    end: 'none',
    before: async (world, client) => {
      world.secrets.put(`${client}-stays`);
      await world.tick();
      world.secrets.delete(client);
      // The first list that lacks it; the fatal tick reads the second.
      world.clock.advance(45 * 60_000);
      await world.tick();
      world.clock.advance(5 * 60_000);
    },
    run: (world, _client, mortals) => world.tick(mortals),
  },
  {
    name: 'a WAF that refuses',
    before: async (world) => {
      let calls = 0;
      world.server.trouble = () => {
        calls += 1;
        return calls === 1
          ? new Response('<html>', { status: 403, headers: { 'content-type': 'text/html' } })
          : undefined;
      };
    },
    run: (world, client, mortals) => world.request(client, undefined, mortals),
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

describe.each(SCENARIOS)('$name', ({ name, settings, before, run, requests = 2, end }) => {
  test.each(['before', 'after'] as const)('killed %s every step', async (when) => {
    for (let step = 1; ; step += 1) {
      serial += 1;
      const client = `client-${serial}`;
      // Time goes on from world to world, as the table does.
      const startMs = 1_700_000_000_000 + serial * 3_600_000;
      const world = createWorld(engine, { startMs, ...(settings && { settings }) });
      world.secrets.put(client);
      await before(world, client);
      const minted = world.server.mints(client);
      const served = await world.token(client);
      const { dependencies, steps } = mortal(world, { step, when });
      const survived = await run(world, client, dependencies).then(
        () => true,
        () => false,
      );
      const at = `${when} step ${step}, after ${steps.join(' ')}`;

      // At once: a token in service is in service still, or replaced by a newer one.
      const after = await world.token(client);
      if (served !== undefined && end !== 'none')
        expect(after?.issuedAtMs, at).toBeGreaterThanOrEqual(served.issuedAtMs);
      // No second mint while the first may be alive.
      const requested = world.server.mints(client);
      await world.request(client, after?.fingerprint);
      if (requested > minted) expect(world.server.mints(client), at).toBe(requested);

      if (end === 'none') {
        world.clock.advance(LEASE_MS);
        await world.ticks(6 * world.settings.tickMs);
        expect((await world.clientRecords.read(client))?.dueAtMs, at).toBeUndefined();
        expect(await world.token(client), at).toBeUndefined();
        await forget(world, client, `${client}-stays`);
        if (survived && steps.length < step) return;
        continue;
      }

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
      const record = await world.clientRecords.read(client);
      expect(record, at).toMatchObject({ counts: {}, wanted: false });
      expect(record?.leaseUntilMs ?? 0, at).toBeLessThan(world.clock.now());
      // Due too early (the old token's time stands) does no harm, too late would.
      expect(record?.dueAtMs, at).toBeLessThanOrEqual(refreshAtMs(token, world.settings, jitterOf(client)));
      expect(world.server.mints(client) - minted, at).toBeLessThanOrEqual(requests);
      await forget(world, client);
      if (survived && steps.length < step) return;
    }
  });
});

/** The next world finds nothing of this one in their table. */
async function forget(world: World, ...clients: readonly string[]): Promise<void> {
  const { deleteClient, dependencies } = world;
  for (const client of clients) await forgetClient(client, { ...dependencies, deleteClient });
}
