import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { BudgetExhaustedError } from '../../../lib/budget/errors.ts';
import { TABLE } from '../../../lib/contract.ts';
import { accessToken, isServable } from '../../../lib/token/access-token.ts';
import { firstRefusal, openBudget } from '../../fixtures/open-budget.ts';
import { startTable, type Table } from '../../fixtures/table.ts';
import { createWorld, json, oauthError } from '../../fixtures/virtual-time/minter.ts';

let engine: Table;
let world: ReturnType<typeof createWorld>;
let serial = 0;
/** Another one for each test: the table is shared. */
let mocha: string;

beforeAll(async () => {
  engine = await startTable();
});
afterAll(() => engine.stop());
beforeEach(() => {
  world = createWorld(engine);
  serial += 1;
  mocha = `mocha-${serial}`;
  world.secrets.put(mocha);
});

const MINUTE = 60_000;
const HTML_403 = () => new Response('<html>', { status: 403, headers: { 'content-type': 'text/html' } });

describe('a worker without a token', () => {
  test('causes a mint', async () => {
    const outcome = await world.request(mocha);
    const token = await world.token(mocha);
    expect(outcome).toEqual({ status: 'minted', fingerprint: token?.fingerprint });
    expect(token).toMatchObject({
      issuedAtMs: world.clock.now(),
      expiresAtMs: world.clock.now() + 1_800_000,
    });
    const record = await world.clientRecords.read(mocha);
    expect(record).toMatchObject({ counts: {}, wanted: false, expiresAtMs: token?.expiresAtMs });
    expect(record?.leaseUntilMs).toBeUndefined();
    expect(record?.dueAtMs).toBeGreaterThan(world.clock.now() + 1_800_000 - 180_000 - 60_000);
  });

  test('and 50 at once cause one', async () => {
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => world.request(mocha)));
    expect(world.server.mints()).toBe(1);
    expect(outcomes.filter(({ status }) => status === 'minted')).toHaveLength(1);
    expect(outcomes.filter(({ status }) => status === 'failed')).toEqual([]);
    expect((await world.request(mocha)).status).toBe('current');
  });

  test('of a client without a secret is told so, and may ask again later', async () => {
    const outcome = await world.request('nobody');
    const retryAtMs = world.clock.now() + 45_000;
    expect(outcome).toEqual({ status: 'failed', code: 'secret_missing', retryAtMs });
    expect(await world.request('nobody')).toEqual(outcome);
    expect(world.secrets.requests.reads).toBe(1);
    world.secrets.put('nobody');
    world.clock.advance(60_000);
    expect((await world.request('nobody')).status).toBe('minted');
    world.secrets.delete('nobody');
  });
});

test('a token in its grace is replaced for a worker who asks: it would not be served', async () => {
  await world.request(mocha);
  const { fingerprint, expiresAtMs } = (await world.token(mocha))!;
  world.clock.advance(expiresAtMs - world.settings.graceMs - world.clock.now());
  expect((await world.request(mocha)).status).toBe('minted');
  expect((await world.token(mocha))?.fingerprint).not.toBe(fingerprint);
});

describe('a rejected token', () => {
  test('is replaced, once', async () => {
    await world.request(mocha);
    const rejected = (await world.token(mocha))?.fingerprint;
    world.clock.advance(10_000);
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => world.request(mocha, rejected)));
    expect(world.server.mints()).toBe(2);
    expect(outcomes.filter(({ status }) => status === 'minted')).toHaveLength(1);
    expect(await world.request(mocha, rejected)).toEqual({
      status: 'current',
      fingerprint: (await world.token(mocha))?.fingerprint,
    });
    expect((await world.token(mocha))?.fingerprint).not.toBe(rejected);
  });

  test('that is young is waited for', async () => {
    await world.request(mocha);
    const { fingerprint, issuedAtMs } = (await world.token(mocha))!;
    expect(await world.request(mocha, fingerprint)).toEqual({
      status: 'pending',
      retryAtMs: issuedAtMs + world.settings.youngTokenMs,
    });
    expect(world.server.mints()).toBe(1);
  });

  test('after another: the floor doubles, up to 15 minutes, while no token helps', {
    tags: 'long',
  }, async () => {
    const startMs = world.clock.now();
    await world.request(mocha);
    for (let second = 0; second < 3_600; second += 10) {
      world.clock.advance(10_000);
      await world.request(mocha, (await world.token(mocha))?.fingerprint);
    }
    const atSeconds = world.server.calls.map((call) => (call.atMs - startMs) / 1_000).slice(1);
    expect(atSeconds).toEqual([10, 40, 100, 220, 460, 940, 1_840, 2_740]);
    const rejected = (await world.token(mocha))?.fingerprint;
    expect(await world.request(mocha, rejected)).toEqual({
      status: 'pending',
      retryAtMs: world.server.calls.at(-1)!.atMs + 15 * MINUTE,
    });
  });

  test('after one that was good for longer than the floor is replaced at once, and the floor is short again', async () => {
    await world.request(mocha);
    const reject = async () => world.request(mocha, (await world.token(mocha))?.fingerprint);
    for (const waitMs of [10_000, 30_000, 60_000]) {
      world.clock.advance(waitMs);
      expect((await reject()).status).toBe('minted');
    }
    // The floor is 120 s; the token was good for longer than that after its end.
    world.clock.advance(240_000);
    expect((await reject()).status).toBe('minted');
    world.clock.advance(30_000);
    expect((await reject()).status).toBe('minted');
  });

  test('that no worker of the client has reported is not replaced', async () => {
    await world.request(mocha);
    world.clock.advance(60_000);
    const { fingerprint } = (await world.token(mocha))!;
    const timeLeftMs = () => 60_000;
    const ask = (rejected?: string) =>
      world.minterOf().mint(mocha, { kind: 'request', rejected }, timeLeftMs);
    expect((await ask(fingerprint)).outcome.status).toBe('pending');
    expect(world.server.mints(mocha)).toBe(1);
    expect(world.logs).toContainEqual(expect.objectContaining({ level: 'warn', client: mocha }));
    await world.mintRequests.claim(mocha, fingerprint, world.clock.now());
    expect((await ask(fingerprint)).outcome.status).toBe('minted');
  });

  test('whose mint the call budget postponed may be replaced as soon as there is a ticket', async () => {
    await world.request(mocha);
    world.clock.advance(10_000);
    const rejected = (await world.token(mocha))?.fingerprint;
    const none = new BudgetExhaustedError('none', world.clock.now() + 1_000);
    const openBook = () => ({ attempt: () => Promise.reject(none), close: () => {} });
    const budget = { ...world.dependencies.budget, openBook };
    const outcome = await world.request(mocha, rejected, { budget });
    expect(outcome).toMatchObject({ status: 'pending', code: 'budget_exhausted' });
    world.clock.advance(1_000);
    expect((await world.request(mocha, rejected)).status).toBe('minted');
  });

  test('that the server issues again is not stored as a new one', async () => {
    world.server.trouble = () => json({ access_token: 'the-same', token_type: 'Bearer', expires_in: 1800 });
    await world.request(mocha);
    const token = (await world.token(mocha))!;
    world.clock.advance(10_000);
    expect(await world.request(mocha, token.fingerprint)).toEqual({
      status: 'pending',
      retryAtMs: world.clock.now() + world.settings.forcedMintFloorMs,
    });
    expect(await world.token(mocha)).toEqual(token);
  });

  test('stays wanted when minting fails: the next tick replaces it', async () => {
    await world.request(mocha);
    const { fingerprint } = (await world.token(mocha))!;
    world.clock.advance(10_000);
    world.server.trouble = () => new Response('', { status: 503 });
    expect((await world.request(mocha, fingerprint)).status).toBe('failed');
    world.server.trouble = undefined;
    world.clock.advance(60_000);
    await world.tick();
    expect((await world.token(mocha))?.fingerprint).not.toBe(fingerprint);
    world.secrets.delete(mocha);
  });
});

describe('expiry', () => {
  const jwt = (claims: object): string =>
    `${btoa('{"alg":"none"}')}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.x`;
  const seconds = () => Math.floor(world.clock.now() / 1000);

  test.each([
    ['expires_in', () => ({ access_token: 'a', expires_in: 900 }), 900],
    ['expires_in as a string', () => ({ access_token: 'b', expires_in: '900' }), 900],
    ['exp', () => ({ access_token: jwt({ exp: seconds() + 700 }) }), 700],
    ['the earlier', () => ({ access_token: jwt({ exp: seconds() + 700 }), expires_in: 900 }), 700],
    ['nothing', () => ({ access_token: 'c' }), 600],
  ])('%s', async (name, body, lifetimeSeconds) => {
    world.server.trouble = ({ endpoint }) =>
      endpoint === 'token' ? json({ token_type: 'Bearer', ...body() }) : undefined;
    await world.request(mocha);
    expect((await world.token(mocha))?.expiresAtMs).toBe(world.clock.now() + lifetimeSeconds * 1000);
    expect(world.metricsOf('ExpiryDisagreement')).toHaveLength(name === 'the earlier' ? 1 : 0);
    expect(world.server.calls.filter(({ endpoint }) => endpoint === 'introspect')).toHaveLength(
      name === 'nothing' ? 1 : 0,
    );
  });

  test('introspection, if the grant says nothing', async () => {
    world.server.trouble = ({ endpoint }) =>
      json(
        endpoint === 'token'
          ? { token_type: 'Bearer', access_token: 'd' }
          : { active: true, exp: seconds() + 3600 },
      );
    await world.request(mocha);
    expect((await world.token(mocha))?.expiresAtMs).toBe(world.clock.now() + 3_600_000);
  });

  test('a statement that cannot be read is left out and told, and the token is used', async () => {
    const expSeconds = seconds() + 700;
    world.server.trouble = () =>
      json({ token_type: 'Bearer', access_token: jwt({ exp: expSeconds }), expires_in: 'MARKER' });
    expect((await world.request(mocha)).status).toBe('minted');
    expect((await world.token(mocha))?.expiresAtMs).toBe(expSeconds * 1000);
    expect(world.logs).toContainEqual(
      expect.objectContaining({ level: 'warn', client: mocha, unread: ['expires_in'] }),
    );
    expect(JSON.stringify(world.logs)).not.toContain('MARKER');
  });

  test.each([
    ['another partner', 'partnerId:MARKER role:partnerIdAdmin', ['partnerId'], 1],
    ['less', 'partnerId:mocha-partner', ['role'], 0],
    ['more', 'partnerId:mocha-partner role:partnerIdAdmin MARKER', [], 1],
    ['nothing', '', ['partnerId', 'role'], 0],
  ])(
    'a scope of %s is told without its words, and the token is used',
    async (_, scope, missing, additional) => {
      world.server.trouble = () => json({ token_type: 'Bearer', access_token: 'e', expires_in: 900, scope });
      expect((await world.request(mocha)).status).toBe('minted');
      expect(world.logs).toContainEqual(expect.objectContaining({ level: 'warn', missing, additional }));
      expect(JSON.stringify(world.logs)).not.toContain('MARKER');
    },
  );

  test('the scope that was asked for, in any order, is not worth a word', async () => {
    const scope = 'role:partnerIdAdmin partnerId:mocha-partner';
    world.server.trouble = () => json({ token_type: 'Bearer', access_token: 'f', expires_in: 900, scope });
    await world.request(mocha);
    expect(world.logs.filter(({ level }) => level === 'warn')).toEqual([]);
  });

  test('over on arrival: refused, not stored, tried again', async () => {
    world.server.lifetimeSeconds = () => 30;
    expect(await world.request(mocha)).toMatchObject({ status: 'failed', code: 'token_expired_on_arrival' });
    expect(await world.token(mocha)).toBeUndefined();
    world.server.lifetimeSeconds = () => 1800;
    world.clock.advance(60_000);
    expect((await world.request(mocha)).status).toBe('minted');
  });
});

describe('a failed mint', () => {
  test.each([
    ['oauth_unavailable', () => new Response('', { status: 500 }), 500],
    ['oauth_unavailable', () => Promise.reject(new TypeError('fetch failed')), 500],
    ['oauth_throttled', () => json({}, 429, { 'retry-after': '120' }), 120_000],
    ['invalid_client', () => oauthError('invalid_client', 401), 5_000],
    ['invalid_scope', () => oauthError('invalid_scope'), 5_000],
    ['invalid_request', () => oauthError('invalid_request'), 5_000],
    ['oauth_error_unknown', () => oauthError('something_else'), 750],
    ['oauth_error_unknown', () => oauthError('access_denied', 200), 750],
  ] as const)('%s is recorded for all, noted for workers and tried again', async (code, trouble, waitMs) => {
    world.server.trouble = trouble;
    const failure = { code, retryAtMs: world.clock.now() + waitMs };
    expect(await world.request(mocha)).toEqual({ status: 'failed', ...failure });
    expect(await world.store.read(mocha)).toEqual({ failure });
    const record = await world.clientRecords.read(mocha);
    expect(record).toMatchObject({ errorCode: code, failingSinceMs: world.clock.now() });
    expect(Object.values(record?.counts ?? {})).toEqual([1]);
    expect(world.metricsOf('MintFailed')).toEqual([
      { name: 'MintFailed', value: 1, labels: { client: mocha, code } },
    ]);
    const calls = world.server.calls.length;
    expect(await world.request(mocha)).toEqual({ status: 'failed', ...failure });
    expect(world.server.calls).toHaveLength(calls);

    world.server.trouble = undefined;
    world.clock.advance(waitMs);
    expect((await world.request(mocha)).status).toBe('minted');
  });

  test('with invalid_client is tried again at once if the secret has just changed', async () => {
    world.server.trouble = ({ secret }) => {
      if (secret === 'new') return undefined;
      world.secrets.put(mocha, 'new');
      return oauthError('invalid_client', 401);
    };
    expect((await world.request(mocha)).status).toBe('minted');
    expect(world.server.calls.map(({ secret }) => secret)).toEqual(['secret', 'new']);
  });

  test('a malformed secret is reported as secret_malformed', async () => {
    world.secrets.putRaw(mocha, '{}');
    expect(await world.request(mocha)).toMatchObject({ status: 'failed', code: 'secret_malformed' });
    expect(world.server.calls).toEqual([]);
    world.secrets.delete(mocha);
  });

  test('refused by the WAF alone rests its client: for as long as a block may last shortly, then longer each time', async () => {
    world.server.trouble = HTML_403;
    // The WAF's refusal says a minute, which is more than half a tick.
    const pauses = [1, 1, 1, 1, 1, 1, 1, 1.5, 3];
    for (const minutes of pauses) {
      const retryAtMs = world.clock.now() + minutes * MINUTE;
      expect(await world.request(mocha)).toEqual({
        status: 'failed',
        code: 'waf_blocked',
        retryAtMs,
      });
      world.clock.advance(minutes * MINUTE);
    }
    expect(world.metricsOf('MintFailed')).toHaveLength(pauses.length);
    world.server.trouble = undefined;
    expect((await world.request(mocha)).status).toBe('minted');
  });

  test("refused by the WAF with the whole address is none of its client's: it is postponed", async () => {
    world.server.trouble = HTML_403;
    const nowMs = world.clock.now();
    const refusal = () => ({ ...firstRefusal(nowMs, 2_000), refused: 'address' as const });
    const budget = openBudget({ refusal });
    expect(await world.request(mocha, undefined, { budget })).toEqual({
      status: 'pending',
      code: 'waf_blocked',
      retryAtMs: nowMs + 2_000,
    });
    expect(world.metricsOf('MintFailed')).toHaveLength(0);
  });

  test('is none if the WAF only refuses the question about the token: that is kept', async () => {
    world.server.trouble = ({ endpoint }) =>
      endpoint === 'token' ? json({ token_type: 'Bearer', access_token: 'opaque' }) : HTML_403();
    expect((await world.request(mocha)).status).toBe('minted');
    expect((await world.token(mocha))?.expiresAtMs).toBe(
      world.clock.now() + world.settings.defaultLifetimeMs,
    );
  });

  test('of one kind does not lengthen the back-off of another', async () => {
    world.server.trouble = () => new Response('', { status: 503 });
    for (let attempt = 0; attempt < 20; attempt += 1) {
      await world.request(mocha);
      world.clock.advance(MINUTE);
    }
    world.server.trouble = () => oauthError('invalid_client', 401);
    const nowMs = world.clock.now();
    const outcome = await world.request(mocha);
    expect(outcome).toMatchObject({ status: 'failed', code: 'invalid_client' });
    expect((outcome as { retryAtMs: number }).retryAtMs - nowMs).toBeLessThanOrEqual(60 * MINUTE);
  });
});

describe('a server that gives the same token again', () => {
  test.each([
    ['an opaque one of which it says nothing', () => ({})],
    ['one whose life it counts anew', () => ({ expires_in: 600 })],
  ])('%s: it is served on, and asked for at most four times in a life', { tags: 'long' }, async (_, life) => {
    world.server.trouble = ({ endpoint }) =>
      endpoint === 'token'
        ? json({ access_token: 'the-same', token_type: 'Bearer', ...life() })
        : new Response('', { status: 500 });
    await world.tick();
    let without = 0;
    for (let minute = 0; minute < 30; minute += 1) {
      world.clock.advance(MINUTE);
      await world.tick();
      await world.request(mocha);
      const token = await world.token(mocha);
      if (token === undefined || !isServable(token, world.clock.now(), world.settings)) without += 1;
    }
    expect(without).toBe(0);
    expect(world.server.mints(mocha)).toBeLessThanOrEqual(4 * (30 / 10) + 1);
    expect(world.metricsOf('TokenMinted')).toHaveLength(1);
    world.secrets.delete(mocha);
  });
});

describe('a lease', () => {
  test('is granted again to its owner, whose first write was repeated, and to nobody else', async () => {
    const nowMs = world.clock.now();
    const request = { client: mocha, owner: 'me', nowMs, untilMs: nowMs + 1_000 };
    expect(await world.clientRecords.acquire(request)).toBeDefined();
    expect(await world.clientRecords.acquire(request)).toBeDefined();
    expect(await world.clientRecords.acquire({ ...request, owner: 'another' })).toBeUndefined();
    expect(
      await world.clientRecords.acquire({ ...request, owner: 'another', nowMs: nowMs + 1_000 }),
    ).toBeDefined();
  });

  test('is given back when something unforeseen goes wrong', async () => {
    const secrets = {
      read: () => Promise.reject(new RangeError('a bug')),
    };
    await expect(world.request(mocha, undefined, { secrets })).rejects.toThrow('a bug');
    expect((await world.request(mocha)).status).toBe('minted');
  });
});

describe('time to live', () => {
  const ttlOf = async (key: string): Promise<number | undefined> => {
    const Key = { [TABLE.partitionKey]: { S: key } };
    const { Item } = await engine.dynamodb.send(new GetItemCommand({ TableName: engine.table, Key }));
    return Item?.[TABLE.ttl]?.N === undefined ? undefined : Number(Item[TABLE.ttl]?.N);
  };

  test('takes no token that lives, whatever is noted beside it', async () => {
    const token = accessToken('day', world.clock.now(), world.clock.now() + 86_400_000);
    await world.store.replace(mocha, token, undefined);
    const nowMs = world.clock.now();
    await world.store.noteFailure(mocha, { code: 'invalid_scope', retryAtMs: nowMs }, nowMs);
    const ttlSeconds = await ttlOf(TABLE.tokenKey(mocha));
    expect(ttlSeconds).toBeGreaterThanOrEqual(token.expiresAtMs / 1000);
    expect(ttlSeconds).toBeLessThan(token.expiresAtMs / 1000 + 86_400);
  });

  test.each([
    [
      'adopted',
      () => world.clientRecords.adopt(mocha, { versionId: 'another', changedAtMs: 0 }, world.clock.now()),
    ],
    ['minted for', () => world.request(mocha)],
    [
      'tried in vain',
      () => {
        world.server.trouble = () => new Response('', { status: 503 });
        return world.request(mocha);
      },
    ],
  ])('takes a client without a secret, but not one that is back and %s', async (_, comeBack) => {
    world.secrets.delete(mocha);
    await world.request(mocha);
    expect(await ttlOf(TABLE.mintKey(mocha))).toBeGreaterThan(world.clock.now() / 1000);
    world.secrets.put(mocha);
    world.clock.advance(60_000);
    await comeBack();
    expect(await ttlOf(TABLE.mintKey(mocha))).toBeUndefined();
    world.secrets.delete(mocha);
  });
});
