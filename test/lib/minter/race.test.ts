import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { MinterDependencies } from '../../../lib/minter/minter.ts';
import { startTable, type Table } from '../../fixtures/table.ts';
import { createWorld } from '../../fixtures/virtual-time/minter.ts';

let engine: Table;
let serial = 0;

beforeAll(async () => {
  engine = await startTable();
});
afterAll(() => engine.stop());

function nextWorld() {
  serial += 1;
  const client = `client-${serial}`;
  const world = createWorld(engine, { startMs: 1_700_000_000_000 + serial * 3_600_000 });
  world.secrets.put(client);
  return { world, client };
}

describe('a lease holder that comes back late', () => {
  test('finds another token in the table and leaves it there', async () => {
    const { world, client } = nextWorld();
    const held = Promise.withResolvers<undefined>();
    world.server.trouble = () => {
      world.server.trouble = undefined;
      return held.promise;
    };
    const late = world.request(client);
    while (world.server.mints() === 0) await new Promise((resolve) => setImmediate(resolve));

    world.clock.advance(39_000);
    expect(await world.request(client)).toMatchObject({ status: 'pending' });
    world.clock.advance(2_000);
    expect((await world.request(client)).status).toBe('minted');
    const winner = (await world.token(client))!;
    const record = await world.clientRecords.read(client);

    held.resolve(undefined);
    expect(await late).toEqual({ status: 'current', fingerprint: winner.fingerprint });
    expect(await world.token(client)).toEqual(winner);
    expect(await world.clientRecords.read(client)).toEqual(record);
  });

  test('a late minter may store its token if there is no newer one', async () => {
    const { world, client } = nextWorld();
    world.server.trouble = () => {
      world.clock.advance(120_000);
      return undefined;
    };
    expect((await world.request(client)).status).toBe('minted');
    expect((await world.clientRecords.read(client))?.leaseUntilMs).toBeUndefined();
  });

  test('does not undo what another found out', async () => {
    const { world, client } = nextWorld();
    const held = Promise.withResolvers<undefined>();
    world.server.trouble = async () => {
      world.server.trouble = undefined;
      await held.promise;
      return new Response('', { status: 500 });
    };
    const late = world.request(client);
    while (world.server.mints() === 0) await new Promise((resolve) => setImmediate(resolve));
    world.clock.advance(41_000);
    await world.request(client);
    held.resolve(undefined);
    await late;
    expect(await world.store.read(client)).toEqual({ token: await world.token(client) });
    expect((await world.clientRecords.read(client))?.errorCode).toBeUndefined();
  });
});

/** Lets other minters run before and after each step; at some steps, for longer than a lease. */
function slowed(
  { clock, dependencies }: ReturnType<typeof createWorld>,
  delays: Iterator<{ turns: number; stalls: boolean }>,
): Partial<MinterDependencies> {
  const pause = async (): Promise<void> => {
    const { turns, stalls } = delays.next().value;
    if (stalls) clock.advance(45_000);
    for (let turn = 0; turn < (stalls ? 200 : turns); turn += 1) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const slow = <Port extends object>(port: Port): Port =>
    Object.fromEntries(
      Object.entries(port).map(([name, call]) => [
        name,
        async (...args: unknown[]) => {
          await pause();
          const result = await call.apply(port, args);
          await pause();
          return result;
        },
      ]),
    ) as Port;
  const { store, clientRecords, secrets, fetch } = dependencies;
  return {
    store: slow(store),
    clientRecords: slow(clientRecords),
    secrets: slow({ read: secrets.read }),
    fetch: slow({ fetch }).fetch,
  };
}

const delay = (stalls: fc.Arbitrary<boolean>) => fc.record({ turns: fc.nat(6), stalls });

const schedule = (stalls: fc.Arbitrary<boolean>) =>
  fc.record({
    /** Turns of the event loop until each minter starts. */
    starts: fc.array(fc.nat(200), { minLength: 2, maxLength: 8 }),
    isRejected: fc.boolean(),
    delays: fc.infiniteStream(delay(stalls)),
  });

type Schedule = ReturnType<typeof schedule> extends fc.Arbitrary<infer Value> ? Value : never;

/** Minters of both kinds, started one after the other. Returns the tokens stored, each with the one it replaced. */
async function rush({ starts, isRejected, delays }: Schedule) {
  const { world, client } = nextWorld();
  let rejected: string | undefined;
  if (isRejected) {
    await world.request(client);
    rejected = (await world.token(client))?.fingerprint;
    world.clock.advance(60_000);
  }
  const before = world.server.mints(client);
  const { store } = world.dependencies;
  const stored: { fingerprint: string; replaces: string | undefined }[] = [];
  const dependencies = slowed(
    {
      ...world,
      dependencies: {
        ...world.dependencies,
        store: {
          ...store,
          async replace(name, token, replaces) {
            const isStored = await store.replace(name, token, replaces);
            if (isStored && name === client) stored.push({ fingerprint: token.fingerprint, replaces });
            return isStored;
          },
        },
      },
    },
    delays[Symbol.iterator](),
  );
  await Promise.all(
    starts.map(async (turns, index) => {
      for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      if (index % 3 === 2 && !isRejected) await world.tick(dependencies);
      else await world.request(client, rejected, dependencies);
    }),
  );
  const after = await world.token(client);
  world.secrets.delete(client);
  return { stored, rejected, after, mints: world.server.mints(client) - before };
}

describe('any schedule', () => {
  test('one mint between all, as long as nobody outlives a lease', async () => {
    await fc.assert(
      fc.asyncProperty(schedule(fc.constant(false)), async (given) => {
        const { mints, after, rejected } = await rush(given);
        expect(mints).toBe(1);
        expect(after?.fingerprint).not.toBe(rejected);
      }),
      { numRuns: 25 },
    );
  });

  test('nobody overwrites a token that it has not seen, however late', async () => {
    await fc.assert(
      fc.asyncProperty(schedule(fc.nat(14).map((n) => n === 0)), async (given) => {
        const { stored, after, rejected } = await rush(given);
        // Every token replaces the one before it: a chain from what was there to what is there.
        const next = new Map(stored.map(({ replaces, fingerprint }) => [replaces, fingerprint]));
        expect(next.size).toBe(stored.length);
        let at = rejected;
        for (let length = 0; length < stored.length; length += 1) at = next.get(at);
        expect(after?.fingerprint).toBe(at);
      }),
      { numRuns: 40 },
    );
  });
});
