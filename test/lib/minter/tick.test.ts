import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { BudgetExhaustedError } from '../../../lib/budget/errors.ts';
import { parseCredentials } from '../../../lib/credentials/credentials.ts';
import { SecretUnavailableError } from '../../../lib/credentials/errors.ts';
import type { ListOptions } from '../../../lib/credentials/secrets.ts';
import { ClientRecordsUnavailableError } from '../../../lib/minter/errors.ts';
import { jitterOf, refreshAtMs } from '../../../lib/minter/mint-times.ts';
import { isServable, serveUntilMs } from '../../../lib/token/access-token.ts';
import { openBudget } from '../../fixtures/open-budget.ts';
import { startTable, type Table } from '../../fixtures/table.ts';
import { createWorld, json, oauthError } from '../../fixtures/virtual-time/minter.ts';

const HOUR = 3_600_000;

let engine: Table;
let world: ReturnType<typeof createWorld>;

beforeEach(async () => {
  engine = await startTable();
  world = createWorld(engine);
  world.secrets.put('mocha');
});
afterEach(() => engine.stop());

describe('a tick', () => {
  test('finds a new secret and mints; the next has nothing to do', async () => {
    expect(await world.tick()).toEqual({
      discovered: 1,
      removed: 0,
      due: 1,
      minted: 1,
      current: 0,
      failed: 0,
      resting: 0,
      missing: 0,
      postponed: 0,
    });
    expect(await world.token('mocha')).toBeDefined();
    world.clock.advance(60_000);
    expect(await world.tick()).toMatchObject({ discovered: 0, due: 0 });
    expect(world.server.mints()).toBe(1);
    expect(world.metricsOf('ClientsFailing')).toHaveLength(2);
    expect(world.metricsOf('SecondsToExpiry')).toEqual([
      { name: 'SecondsToExpiry', value: 1770, labels: { client: 'mocha' } },
    ]);
  });

  test('and its duplicates mint once', async () => {
    await Promise.all(Array.from({ length: 8 }, () => world.tick()));
    expect(world.server.mints()).toBe(1);
    for (let minute = 0; minute < 40; minute += 1) {
      world.clock.advance(60_000);
      await Promise.all(Array.from({ length: 3 }, () => world.tick()));
    }
    expect(world.server.mints()).toBe(2);
  });

  test.each([600, 1800, 7200])(
    'keeps tokens of %i s fresh, within a tenth of the ideal',
    { tags: 'long' },
    async (lifetimeSeconds) => {
      world.server.lifetimeSeconds = () => lifetimeSeconds;
      await world.tick();
      const { issuedAtMs, ...token } = (await world.token('mocha'))!;
      const idealMs =
        refreshAtMs({ ...token, issuedAtMs } as never, world.settings, jitterOf('mocha')) - issuedAtMs;
      const spanMs = 3 * HOUR;
      for (let passedMs = 0; passedMs < spanMs; passedMs += 60_000) {
        world.clock.advance(60_000);
        const before = (await world.token('mocha'))!;
        expect(serveUntilMs(before, world.settings)).toBeGreaterThan(world.clock.now());
        await world.tick();
      }
      const ideal = spanMs / idealMs;
      expect(world.server.mints()).toBeGreaterThanOrEqual(ideal * 0.9 - 1);
      expect(world.server.mints()).toBeLessThanOrEqual(ideal * 1.1 + 1);
    },
  );

  test('does not hammer a server that gives the same token until it ends', { tags: 'long' }, async () => {
    let token = { value: '', expiresAtMs: 0 };
    world.server.trouble = () => {
      const leftMs = token.expiresAtMs - world.clock.now();
      if (leftMs < 40_000) {
        token = { value: `token-${world.clock.now()}`, expiresAtMs: world.clock.now() + 600_000 };
      }
      const expiresIn = Math.floor((token.expiresAtMs - world.clock.now()) / 1000);
      return json({ access_token: token.value, token_type: 'Bearer', expires_in: expiresIn });
    };
    await world.ticks(2 * HOUR);
    const lifetimes = (2 * HOUR) / 570_000;
    expect(world.server.mints()).toBeLessThan(lifetimes * 4);
    expect(world.metricsOf('MintFailed')).toEqual([]);
  });
});

describe('rotation', () => {
  test('a new version is used at the next tick', async () => {
    await world.tick();
    const before = await world.token('mocha');
    world.clock.advance(60_000);
    world.secrets.put('mocha', 'second');
    world.clock.advance(60_000);
    expect(await world.tick()).toMatchObject({ discovered: 1, minted: 1 });
    expect(world.server.calls.at(-1)?.secret).toBe('second');
    expect((await world.token('mocha'))?.fingerprint).not.toBe(before?.fingerprint);
    await world.ticks(15 * 60_000);
    expect(world.server.mints()).toBe(2);
  });

  test('a bad one leaves the old token in service; a good one is used at once', async () => {
    world.server.trouble = ({ secret }) => (secret === 'bad' ? oauthError('invalid_client', 401) : undefined);
    await world.tick();
    const before = await world.token('mocha');
    world.clock.advance(60_000);
    world.secrets.put('mocha', 'bad');
    await world.ticks(HOUR / 4);
    expect(await world.store.read('mocha')).toMatchObject({
      token: before,
      failure: { code: 'invalid_client' },
    });
    // At once, after 5 and 15 s, and at four ticks: then it rests.
    expect(world.server.calls.filter(({ secret }) => secret === 'bad').length).toBe(7);
    expect(world.metricsOf('MintFailed').length).toBeGreaterThanOrEqual(1);
    const failing = () => world.metricsOf('ClientsFailing').map(({ value }) => value);
    // At every tick, although it is not tried at every tick: an alarm lasts as long as the trouble.
    expect(failing()).toEqual([0, ...Array(HOUR / 4 / 60_000).fill(1)]);

    // Its previous version renews the token before it ends, once, and still counts as failing.
    world.server.calls.length = 0;
    await world.ticks(HOUR / 4);
    expect(world.server.calls.map(({ secret }) => secret)).toEqual(['secret']);
    expect((await world.token('mocha'))?.fingerprint).not.toBe(before?.fingerprint);
    expect(failing().at(-1)).toBe(1);

    world.secrets.put('mocha', 'good');
    world.clock.advance(60_000);
    await world.tick();
    expect(await world.store.read('mocha')).toEqual({ token: await world.token('mocha') });
    expect((await world.clientRecords.read('mocha'))?.errorCode).toBeUndefined();
    expect(failing().at(-1)).toBe(0);
    expect(world.server.calls.at(-1)?.secret).toBe('good');
  });

  test('a client that rests for hours is tried at once when its secret changes', async () => {
    world.server.trouble = ({ secret }) => (secret === 'bad' ? oauthError('invalid_scope') : undefined);
    world.secrets.put('mocha', 'bad');
    await world.ticks(HOUR / 2);
    const mints = world.server.mints();
    expect(mints).toBeLessThanOrEqual(9);
    world.secrets.put('mocha', 'good');
    await world.ticks(60_000);
    expect(world.server.mints()).toBe(mints + 1);
    expect(await world.token('mocha')).toBeDefined();
  });

  test('a malformed one that is rolled back to the one before is minted with again', async () => {
    await world.tick();
    world.clock.advance(60_000);
    const good = world.secrets.current('mocha');
    world.secrets.putRaw('mocha', '{}');
    await world.ticks(120_000);
    expect((await world.clientRecords.read('mocha'))?.errorCode).toBe('secret_malformed');
    world.secrets.restore('mocha', good);
    await world.ticks(60_000);
    expect((await world.clientRecords.read('mocha'))?.errorCode).toBeUndefined();
    expect(world.server.mints()).toBe(2);
  });

  test('one that a renewal used before the list showed it, and that is rolled back, is not the last word', async () => {
    await world.tick();
    world.clock.advance(27 * 60_000);
    const good = world.secrets.current('mocha');
    const { list } = world.secrets;
    world.secrets.put('mocha', 'bad');
    Object.assign(world.secrets, { async *list() {} });
    world.server.trouble = ({ secret }) => (secret === 'bad' ? oauthError('invalid_scope') : undefined);
    await world.tick();
    expect((await world.clientRecords.read('mocha'))?.errorCode).toBe('invalid_scope');
    world.clock.advance(60_000);
    world.secrets.restore('mocha', good);
    Object.assign(world.secrets, { list });
    await world.ticks(60_000);
    expect((await world.clientRecords.read('mocha'))?.errorCode).toBeUndefined();
    expect(world.server.calls.at(-1)?.secret).toBe('secret');
  });

  test('the old one that Secrets Manager still gives is not taken for the new one', async () => {
    await world.tick();
    world.clock.advance(60_000);
    const old = world.secrets.current('mocha');
    world.secrets.put('mocha', 'second');
    const { read } = world.secrets;
    let isStale = true;
    Object.assign(world.secrets, {
      read: (async (client) => {
        if (!isStale) return read(client);
        return { versionId: old.versionId, credentials: () => parseCredentials(client, old.value) };
      }) satisfies typeof read,
    });
    await world.ticks(120_000);
    expect(world.server.mints()).toBe(1);
    isStale = false;
    await world.ticks(120_000);
    expect(world.server.calls.map(({ secret }) => secret)).toEqual(['secret', 'second']);
  });

  test('a change while a mint is under way is not lost', async () => {
    let listed: Promise<unknown> | undefined;
    world.server.trouble = async ({ secret }) => {
      if (secret === 'secret') {
        world.secrets.put('mocha', 'second');
        // Another tick sees the change, but not the lease end.
        listed ??= world.tick();
        await listed;
      }
      return undefined;
    };
    await world.request('mocha');
    world.clock.advance(60_000);
    await world.tick();
    expect(world.server.calls.map(({ secret }) => secret)).toEqual(['secret', 'second']);
  });

  test('what the list shows only minutes later is found then', async () => {
    await world.tick();
    const { list } = world.secrets;
    world.secrets.put('latte');
    Object.assign(world.secrets, { async *list() {} });
    await world.ticks(5 * 60_000);
    Object.assign(world.secrets, { list });
    await world.ticks(60_000);
    expect(await world.token('latte')).toBeDefined();
  });

  test('what the list missed is found within the hour', async () => {
    await world.tick();
    world.secrets.put('latte');
    // As if it had been created long ago and the list had not shown it.
    const { list } = world.secrets;
    Object.assign(world.secrets, {
      async *list({ changedSinceMs }: ListOptions = {}) {
        if (changedSinceMs === undefined) yield* list();
      },
    });
    await world.ticks(HOUR);
    expect(await world.token('latte')).toBeDefined();
  });
});

describe('one spurious refusal', () => {
  test('is made good within its tick, five seconds later', async () => {
    let requests = 0;
    world.server.trouble = () => {
      requests += 1;
      return requests === 1 ? oauthError('invalid_client', 401) : undefined;
    };
    const startedMs = world.clock.now();
    expect(await world.tick()).toMatchObject({ minted: 1, failed: 0 });
    expect(world.server.calls.map(({ atMs }) => atMs - startedMs)).toEqual([0, 5_000]);
  });

  test('holds up no other client, however many are refused', async () => {
    for (let index = 0; index < 40; index += 1) world.secrets.put(`client-${index}`);
    world.server.trouble = ({ client }) =>
      client === 'mocha' ? undefined : oauthError('invalid_client', 401);
    const startedMs = world.clock.now();
    await world.tick();
    const [mocha] = world.server.calls.filter(({ client }) => client === 'mocha');
    expect(mocha?.atMs).toBe(startedMs);
    // All were refused, and tried again together.
    expect(world.clock.now() - startedMs).toBe(15_000);
  });
});

describe('trouble', () => {
  test('an outage: retried every tick, the token served on; the tick after it ends it', async () => {
    await world.tick();
    await world.ticks(26 * 60_000);
    const { fingerprint } = (await world.token('mocha'))!;
    world.server.trouble = () => new Response('', { status: 503 });
    await world.ticks(10 * 60_000);
    expect((await world.token('mocha'))?.fingerprint).toBe(fingerprint);
    expect(world.server.mints()).toBeLessThanOrEqual(1 + 10);
    world.server.trouble = undefined;
    await world.ticks(60_000);
    expect((await world.token('mocha'))?.fingerprint).not.toBe(fingerprint);
  });

  test("one client's failures and time-outs delay nobody else", async () => {
    const latteAsked = Promise.withResolvers<void>();
    let badHang: Promise<void> | undefined;
    world.server.trouble = async ({ client }) => {
      if (client === 'latte') latteAsked.resolve();
      if (!client.startsWith('bad')) return undefined;
      await badHang;
      throw new TypeError('fetch failed');
    };
    const bad = Array.from({ length: 40 }, (_, index) => `bad-${index}`);
    for (const client of bad) world.secrets.put(client);
    await world.tick();
    world.secrets.put('latte');
    world.clock.advance(60_000);
    // The bad ones do not fail before latte's request has come: the tick ends only if it need not wait for them.
    badHang = latteAsked.promise;
    await world.tick();
    expect(await world.token('latte')).toBeDefined();
  });

  test('the list of secrets is away: known clients go on', async () => {
    await world.tick();
    const { list } = world.secrets;
    const away = Object.assign(world.secrets, {
      // biome-ignore lint/correctness/useYield: it fails before the first page.
      async *list() {
        throw new SecretUnavailableError({ prefix: 'plume/m2m' }, 'ECONNREFUSED');
      },
    });
    await world.ticks(HOUR);
    expect(world.server.mints()).toBe(3);
    Object.assign(away, { list });
  });

  test('a list of secrets that does not end: tokens are minted all the same, within the time of a tick', async () => {
    await world.ticks(60_000);
    const { list } = world.secrets;
    Object.assign(world.secrets, {
      async *list(options: ListOptions = {}) {
        if (options.changedSinceMs !== undefined) return yield* list(options);
        for (let page = 0; ; page += 1) {
          world.clock.advance(1_000);
          yield { entries: [], unusable: [], cursor: `page ${page}` };
        }
      },
    });
    for (let minute = 0; minute < 150; minute += 1) {
      world.clock.advance(60_000);
      const startedMs = world.clock.now();
      await world.tick({}, startedMs + 28_000);
      expect(world.clock.now() - startedMs).toBeLessThanOrEqual(28_000);
      expect(isServable((await world.token('mocha'))!, world.clock.now(), world.settings)).toBe(true);
    }
  });

  /** A page per secret and second, with cursors that are numbers. */
  const listSlowly = (isCursorGood = (): boolean => true): void => {
    const { list } = world.secrets;
    Object.assign(world.secrets, {
      async *list({ changedSinceMs, from = '0' }: ListOptions = {}) {
        if (from !== '0' && !isCursorGood()) {
          throw new SecretUnavailableError({ prefix: 'plume/m2m' }, 'InvalidNextTokenException');
        }
        const entries = (await Array.fromAsync(list({ changedSinceMs }))).flatMap((page) => page.entries);
        for (let index = Number(from); index < entries.length; index += 1) {
          world.clock.advance(1_000);
          const isLast = index === entries.length - 1;
          yield { entries: [entries[index]], unusable: [], ...(!isLast && { cursor: String(index + 1) }) };
        }
      },
    });
  };
  const tickTimes = async (times: number): Promise<void> => {
    for (let tick = 0; tick < times; tick += 1) {
      world.clock.advance(60_000);
      await world.tick({}, world.clock.now() + 28_000);
    }
  };

  test('a list that is too long for one tick is read further at the next', async () => {
    for (let index = 0; index < 40; index += 1) world.secrets.put(`client-${index}`);
    listSlowly();
    await tickTimes(20);
    for (let index = 0; index < 40; index += 1) expect(world.server.mints(`client-${index}`)).toBe(1);
  });

  test('a place in the list that is not known any more: it is read from its beginning', async () => {
    for (let index = 0; index < 12; index += 1) world.secrets.put(`client-${index}`);
    let isGood = false;
    listSlowly(() => isGood);
    await tickTimes(3);
    isGood = true;
    await tickTimes(6);
    expect(await world.token('client-11')).toBeDefined();
  });

  test("one client's record that cannot be read or written stops nobody else", async () => {
    world.secrets.put('latte');
    const { read, adopt } = world.clientRecords;
    const refuse =
      <Args extends unknown[], Result>(call: (client: string, ...args: Args) => Promise<Result>) =>
      async (client: string, ...args: Args): Promise<Result> => {
        if (client === 'mocha')
          throw new ClientRecordsUnavailableError('read', 'ThrottlingException', client);
        return call(client, ...args);
      };
    Object.assign(world.clientRecords, { adopt: refuse(adopt) });
    await world.ticks(60_000);
    expect(await world.token('latte')).toBeDefined();
    Object.assign(world.clientRecords, { adopt, read: refuse(read) });
    await world.ticks(28 * 60_000);
    expect(world.server.mints('latte')).toBe(2);
    Object.assign(world.clientRecords, { read });
    await world.ticks(60_000);
    expect(await world.token('mocha')).toBeDefined();
  });

  test('a client whose last mint failed counts as failing, also while there is no ticket for its next try', async () => {
    world.server.trouble = () => new Response('', { status: 503 });
    await world.tick();
    world.clock.advance(60_000);
    const budget = openBudget({
      before() {
        throw new BudgetExhaustedError('none', world.clock.now() + 10_000);
      },
    });
    expect(await world.tick({ budget })).toMatchObject({ failed: 0, resting: 0, postponed: 1 });
    expect(
      world
        .metricsOf('ClientsFailing')
        .map(({ value }) => value)
        .slice(-2),
    ).toEqual([1, 1]);
  });

  test('no ticket: the rest is left for the next tick, nothing counts as failed', async () => {
    for (let index = 0; index < 20; index += 1) world.secrets.put(`client-${index}`);
    let tickets = 5;
    const budget = openBudget({
      before() {
        tickets -= 1;
        if (tickets < 0) throw new BudgetExhaustedError('none', world.clock.now() + 10_000);
      },
    });
    expect(await world.tick({ budget })).toMatchObject({ due: 21, minted: 5, failed: 0, postponed: 16 });
    for (let tick = 0; tick < 4; tick += 1) {
      tickets = 5;
      world.clock.advance(60_000);
      await world.tick({ budget });
    }
    expect(world.server.mints()).toBe(21);
  });

  test('no new mint starts when the invocation is about to end', async () => {
    expect(await world.tick({}, world.clock.now() + 14_000)).toMatchObject({ due: 1, postponed: 1 });
    expect(world.server.mints()).toBe(0);
  });
});

describe('introspection on a schedule', () => {
  beforeEach(() => {
    world = createWorld(engine, { settings: { introspectEveryMs: 300_000 } });
    world.secrets.put('mocha');
  });

  test('replaces a revoked token', async () => {
    await world.tick();
    const { fingerprint, value } = (await world.token('mocha'))!;
    await world.ticks(900_000);
    expect((await world.token('mocha'))?.fingerprint).toBe(fingerprint);
    expect(world.server.calls.filter(({ endpoint }) => endpoint === 'introspect')).toHaveLength(3);
    world.server.revoked.add(value);
    await world.ticks(300_000);
    expect((await world.token('mocha'))?.fingerprint).not.toBe(fingerprint);
    expect(world.server.mints()).toBe(2);
  });

  test('an earlier expiry counts', async () => {
    await world.tick();
    const expSeconds = Math.floor(world.clock.now() / 1000) + 900;
    world.server.trouble = ({ endpoint }) =>
      endpoint === 'introspect' ? json({ active: true, exp: expSeconds }) : undefined;
    await world.ticks(300_000);
    expect((await world.token('mocha'))?.expiresAtMs).toBe(expSeconds * 1000);
    expect(world.metricsOf('ExpiryDisagreement')).toHaveLength(1);
  });

  test('is not repeated at every tick when the server refuses the question: that could lock the client out', async () => {
    await world.tick();
    world.server.trouble = ({ endpoint }) =>
      endpoint === 'introspect' ? oauthError('invalid_client', 401) : undefined;
    await world.ticks(HOUR / 3);
    const asked = world.server.calls.filter(({ endpoint }) => endpoint === 'introspect').length;
    expect(asked).toBeGreaterThan(0);
    expect(asked).toBeLessThanOrEqual(HOUR / 3 / 300_000);
  });

  test('no answer changes nothing', async () => {
    await world.tick();
    world.server.trouble = ({ endpoint }) =>
      endpoint === 'introspect' ? new Response('', { status: 500 }) : undefined;
    await world.ticks(HOUR / 3);
    expect(world.server.mints()).toBe(1);
    expect(world.metricsOf('MintFailed')).toEqual([]);
  });
});
