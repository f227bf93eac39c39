import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { SecretMissingError } from '../../../lib/credentials/errors.ts';
import type { AccessToken } from '../../../lib/token/access-token.ts';
import { startTable, type Table } from '../../fixtures/table.ts';
import { createWorld, json, oauthError, type ServerCall } from '../../fixtures/virtual-time/minter.ts';
import { createRandom } from '../../simulation/random.ts';

/**
 * What happens to partners over years, on virtual time: a late rotation, a spurious refusal, a scope that is granted late, a
 * server that asks to wait, a removal. "Without token" is the time in which no token may be served, to the millisecond.
 */
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** At random moments. */
const TRIALS = 16;

let table: Table;

beforeEach(async () => {
  table = await startTable();
});
afterEach(() => table.stop());

/** A world with a stop-watch: what was served when, and ticks that are left out while nothing can happen. */
function createLife(lifeSeconds: number, seed = 1) {
  const random = createRandom(seed).next;
  const world = createWorld(table, { random });
  const { clock, server, settings, store, clientRecords } = world;
  server.lifetimeSeconds = () => lifeSeconds;
  const served = new Map<string, { readonly fromMs: number; readonly untilMs: number }[]>();
  const { replace } = store;
  Object.assign(store, {
    async replace(name: string, token: AccessToken, replaces: string | undefined) {
      const isStored = await replace(name, token, replaces);
      const span = { fromMs: clock.now(), untilMs: token.expiresAtMs - settings.graceMs };
      if (isStored) served.set(name, [...(served.get(name) ?? []), span]);
      return isStored;
    },
  });
  const startMs = clock.now();
  let tickAtMs = startMs;
  const events: { readonly atMs: number; readonly run: () => void }[] = [];

  /** What happens at moments between ticks has happened when anybody looks. */
  function catchUp(): void {
    for (const event of events.filter(({ atMs }) => atMs <= clock.now())) {
      events.splice(events.indexOf(event), 1);
      event.run();
    }
  }
  const { read, list } = world.secrets;
  Object.assign(world.secrets, {
    read: (...args: Parameters<typeof read>) => {
      catchUp();
      return read(...args);
    },
    list: (...args: Parameters<typeof list>) => {
      catchUp();
      return list(...args);
    },
  });

  return {
    ...world,
    random,
    startMs,
    catchUp,
    at(atMs: number, run: () => void): void {
      events.push({ atMs, run });
    },
    async tickUntil(endMs: number): Promise<void> {
      while (tickAtMs <= endMs) {
        clock.advance(Math.max(tickAtMs - clock.now(), 0));
        catchUp();
        await world.tick();
        const due = await clientRecords.due();
        const nextMs = Math.min(
          endMs,
          ...due.map(({ dueAtMs }) => dueAtMs - settings.tickMs / 2),
          ...events.map(({ atMs }) => atMs),
        );
        const ticks = Math.max(1, Math.ceil((nextMs - tickAtMs) / settings.tickMs));
        tickAtMs += ticks * settings.tickMs;
      }
    },
    /** Of a span, how long the client had no token that may be served. */
    withoutTokenMs(name: string, fromMs: number, toMs: number): number {
      let atMs = fromMs;
      let gapMs = 0;
      for (const span of served.get(name) ?? []) {
        if (span.fromMs >= toMs) break;
        gapMs += Math.max(0, span.fromMs - atMs);
        atMs = Math.max(atMs, span.untilMs);
      }
      return gapMs + Math.max(0, toMs - atMs);
    },
  };
}

const REFUSED = () => oauthError('invalid_client', 401);

describe('a rotation that the server accepts late, while it refuses the old secret at once', () => {
  test.each([
    ['10 minutes', 600, 60, 0],
    ['30 minutes', 1_800, 60, 0],
    ['24 hours', 86_400, 60, 0],
    // A tenth of the trials.
    ['10 minutes', 600, 150, 2],
  ])(
    `of tokens that live %s (%i s), after %i s: %i of ${TRIALS} clients are without a token`,
    { tags: 'long' },
    async (...row) => {
      const [, lifeSeconds, lateSeconds, outages] = row;
      const life = createLife(lifeSeconds, lateSeconds);
      const { startMs, server, secrets, random, clock } = life;
      const clients = Array.from({ length: TRIALS }, (_, index) => `client-${index}`);
      for (const client of clients) secrets.put(client, 'old');
      // In the last two hours of the first token, at most: before that there is more time.
      const spanMs = Math.min(lifeSeconds * SECOND, 2 * HOUR);
      const settledMs = startMs + Math.max(lifeSeconds * SECOND - spanMs, 0);
      const rotatedAtMs = new Map(clients.map((client) => [client, settledMs + random() * spanMs]));
      for (const [client, atMs] of rotatedAtMs) life.at(atMs, () => secrets.put(client, 'new'));
      server.trouble = ({ client, secret }: ServerCall) => {
        life.catchUp();
        const atMs = rotatedAtMs.get(client) ?? 0;
        const accepted = clock.now() < atMs ? 'old' : clock.now() < atMs + lateSeconds * SECOND ? '' : 'new';
        return secret === accepted ? undefined : REFUSED();
      };
      const endMs = settledMs + spanMs + 20 * MINUTE;
      await life.tickUntil(endMs);
      const without = clients.filter((client) => life.withoutTokenMs(client, startMs + MINUTE, endMs) > 0);
      expect(without.length).toBeLessThanOrEqual(outages);
      // All use the new secret in the end, and none has hammered the server.
      for (const client of clients) {
        expect((await life.clientRecords.read(client))?.errorCode).toBeUndefined();
        const refusals = server.calls.filter((call) => call.client === client && call.secret !== 'old');
        expect(refusals.length).toBeLessThan(20);
      }
    },
  );
});

describe('one spurious refusal at renewal', () => {
  test.each([
    ['invalid_client', 401, 600],
    ['invalid_client', 401, 86_400],
    ['invalid_request', 400, 600],
    ['access_denied', 400, 600],
  ])('%s (HTTP %i) of a token that lives %i s costs no time without a token', async (error, status, life) => {
    const { startMs, server, secrets, tickUntil, withoutTokenMs } = createLife(life);
    secrets.put('mocha');
    let requests = 0;
    server.trouble = () => {
      requests += 1;
      return requests === 2 ? oauthError(error, status) : undefined;
    };
    const endMs = startMs + 2 * life * SECOND;
    await tickUntil(endMs);
    expect(requests).toBeGreaterThan(2);
    expect(withoutTokenMs('mocha', startMs, endMs)).toBe(0);
  });
});

describe('a scope that the vendor grants five minutes late', () => {
  test('of a new partner: a token is there within 20 minutes of the grant', async () => {
    for (let trial = 0; trial < TRIALS; trial += 1) {
      const { startMs, server, secrets, clock, tickUntil, token } = createLife(1_800, trial);
      secrets.put(`new-${trial}`);
      const grantedAtMs = startMs + 5 * MINUTE;
      server.trouble = () => (clock.now() < grantedAtMs ? oauthError('invalid_scope') : undefined);
      await tickUntil(grantedAtMs + 20 * MINUTE);
      expect((await token(`new-${trial}`))?.issuedAtMs).toBeLessThanOrEqual(grantedAtMs + 20 * MINUTE);
      secrets.delete(`new-${trial}`);
    }
  });

  test('of a partner whose secret changes: the token in service is renewed with the scope before', {
    tags: 'long',
  }, async () => {
    const life = createLife(600);
    const { startMs, server, secrets, random, clock } = life;
    const clients = Array.from({ length: TRIALS }, (_, index) => `client-${index}`);
    for (const client of clients) secrets.put(client, 'scope before');
    const changedAtMs = new Map(clients.map((client) => [client, startMs + 20 * MINUTE * random()]));
    for (const [client, atMs] of changedAtMs) life.at(atMs, () => secrets.put(client, 'new scope'));
    server.trouble = ({ client, secret }) => {
      const isGranted = clock.now() >= (changedAtMs.get(client) ?? 0) + 5 * MINUTE;
      return secret === 'new scope' && !isGranted ? oauthError('invalid_scope') : undefined;
    };
    const endMs = startMs + HOUR;
    await life.tickUntil(endMs);
    for (const client of clients) expect(life.withoutTokenMs(client, startMs, endMs), client).toBe(0);
    expect(server.calls.slice(-TRIALS).map(({ secret }) => secret)).toEqual(Array(TRIALS).fill('new scope'));
  });
});

test('a server that asks to wait an hour is asked once before the token ends, and not more', async () => {
  const { startMs, server, secrets, tickUntil, withoutTokenMs, settings } = createLife(1_800);
  secrets.put('mocha');
  server.trouble = () => (server.mints() === 2 ? json({}, 503, { 'retry-after': '3600' }) : undefined);
  const endMs = startMs + HOUR;
  await tickUntil(endMs);
  expect(withoutTokenMs('mocha', startMs, endMs)).toBe(0);
  const [, refusedMs = 0, lastMs = 0] = server.calls.map(({ atMs }) => atMs);
  const serveUntilMs = startMs + 1_800 * SECOND - settings.graceMs;
  expect(lastMs - refusedMs).toBeGreaterThan(MINUTE);
  expect(serveUntilMs - lastMs).toBeGreaterThan(0);
  expect(serveUntilMs - lastMs).toBeLessThanOrEqual(settings.tickMs + settings.requestTimeoutMs);
});

describe('a removed partner', () => {
  const failing = (life: ReturnType<typeof createLife>) =>
    life.metricsOf('ClientsFailing').map(({ value }) => value);
  const isGone = async ({ clientRecords, token }: ReturnType<typeof createLife>, client: string) =>
    (await clientRecords.read(client)) === undefined && (await token(client)) === undefined;

  test.each([
    ['refused', () => oauthError('invalid_client', 401)],
    ['throttled for an hour', () => json({}, 429, { 'retry-after': '3600' })],
    ['of a malformed secret', undefined],
  ])('while its mints fail, %s, ends its alarms, and is gone within some minutes', async (_, trouble) => {
    const life = createLife(1_800);
    const { startMs, server, secrets, clock } = life;
    secrets.put('stays');
    secrets.put('leaves');
    server.trouble = ({ client }) => (client === 'leaves' ? trouble?.() : undefined);
    if (trouble === undefined) secrets.putRaw('leaves', '{}');
    await life.tickUntil(startMs + HOUR);
    expect(failing(life).at(-1)).toBe(1);
    secrets.delete('leaves');
    const removedMs = clock.now();
    const metrics = life.metricsOf('ClientRemoved');
    for (let ticks = 1; life.metricsOf('ClientRemoved').length === 0; ticks += 1) {
      await life.tickUntil(removedMs + ticks * MINUTE);
    }
    // Two lists five minutes apart, of those that are read every five minutes.
    expect(clock.now() - removedMs).toBeLessThan(12 * MINUTE);
    expect(failing(life).at(-1)).toBe(0);
    expect(metrics).toEqual([]);
    expect(await isGone(life, 'leaves')).toBe(true);
    await life.tickUntil(clock.now() + 2 * HOUR);
    expect(life.metricsOf('ClientRemoved')).toHaveLength(1);
    expect(await isGone(life, 'stays')).toBe(false);
  });

  test('with a token that lives for a day is gone within the hour, and fails no alarm', async () => {
    const life = createLife(86_400);
    const { startMs, secrets, clock } = life;
    secrets.put('stays');
    secrets.put('leaves');
    await life.tickUntil(startMs + 10 * MINUTE);
    secrets.delete('leaves');
    const removedMs = clock.now();
    while (!(await isGone(life, 'leaves'))) {
      clock.advance(MINUTE);
      await life.tick();
      expect(clock.now() - removedMs).toBeLessThan(HOUR);
    }
    expect(failing(life)).toEqual(failing(life).map(() => 0));
  });

  test.each([
    ['refused', async () => Promise.reject(new Error('AccessDenied'))],
    ['empty', async () => []],
  ])('a list that is %s forgets nobody', async (_, entries) => {
    const life = createLife(1_800);
    const { secrets, clock } = life;
    secrets.put('mocha');
    await life.tick();
    Object.assign(secrets, {
      async *list() {
        yield { entries: await entries(), unusable: [] };
      },
      // As with a wrong prefix: no secret is found by its name either.
      read: async (client: string) => Promise.reject(new SecretMissingError(client, client)),
    });
    for (let minute = 0; minute < 100; minute += 1) {
      clock.advance(MINUTE);
      await life.tick();
    }
    expect(await life.token('mocha')).toBeDefined();
    expect(life.metricsOf('ClientRemoved')).toEqual([]);
  });

  test('a list without names that are there all the same forgets nobody', async () => {
    const life = createLife(1_800);
    const { secrets, clock } = life;
    for (const client of ['mocha', 'latte', 'flat-white']) secrets.put(client);
    await life.tick();
    const { list } = secrets;
    Object.assign(secrets, {
      async *list(...args: Parameters<typeof list>) {
        for await (const page of list(...args))
          yield { ...page, entries: page.entries.filter(({ client }) => client === 'latte') };
      },
    });
    for (let minute = 0; minute < 100; minute += 1) {
      clock.advance(MINUTE);
      await life.tick();
    }
    for (const client of ['mocha', 'latte', 'flat-white']) expect(await life.token(client)).toBeDefined();
    expect(life.metricsOf('ClientRemoved')).toEqual([]);
  });

  test.each([
    ['before it was missed', 10],
    ['after it was forgotten', 120],
  ])(
    'that comes back %s has a token within a minute when a worker asks, and without that within the hour',
    async (_, minutes) => {
      const life = createLife(600);
      const { startMs, secrets, clock } = life;
      for (const client of ['stays', 'asked', 'quiet']) secrets.put(client);
      await life.tickUntil(startMs + 30 * MINUTE);
      const values = ['asked', 'quiet'].map((client) => [client, secrets.current(client)] as const);
      for (const [client] of values) secrets.delete(client);
      await life.tickUntil(clock.now() + minutes * MINUTE);
      // With its old version, and its old date of change: the list of what has changed does not show it.
      for (const [client, value] of values) secrets.restore(client, value, startMs);
      // What is missing is looked for once a minute at most.
      clock.advance(MINUTE);
      expect(['minted', 'current']).toContain((await life.request('asked')).status);
      await life.tickUntil(clock.now() + 50 * MINUTE);
      for (const client of ['asked', 'quiet', 'stays']) {
        const token = await life.token(client);
        expect(token?.expiresAtMs, client).toBeGreaterThan(clock.now());
        expect((await life.clientRecords.read(client))?.dueAtMs, client).toBeGreaterThan(clock.now());
      }
    },
  );
});

describe('requests', () => {
  test('with wrong credentials are at most six in the first two minutes, and three in any later hour', {
    tags: 'long',
  }, async () => {
    const life = createLife(1_800);
    const { startMs, server, secrets } = life;
    const pressed = 'asked-for';
    for (const client of [pressed, 'quiet']) secrets.put(client);
    server.trouble = REFUSED;
    // Workers ask all the time.
    for (let asked = 0; asked < 60; asked += 1) {
      await life.tickUntil(startMs + asked * 10 * SECOND);
      await life.request(pressed);
    }
    await life.tickUntil(startMs + 6 * HOUR);
    for (const name of [pressed, 'quiet']) {
      const atMs = server.calls.filter(({ client }) => client === name).map((call) => call.atMs - startMs);
      expect(atMs.filter((ms) => ms <= 2 * MINUTE).length).toBeLessThanOrEqual(6);
      const later = atMs.filter((ms) => ms > 2 * MINUTE);
      for (const ms of later) {
        expect(later.filter((other) => ms <= other && other < ms + HOUR).length).toBeLessThanOrEqual(3);
      }
      // It is tried again, in six hours at most.
      const { retryAtMs = Number.POSITIVE_INFINITY } = (await life.clientRecords.read(name))!;
      expect(retryAtMs - startMs - (later.at(-1) ?? 0)).toBeLessThanOrEqual(6 * HOUR);
    }
  });

  test.each([
    ['30 days of 8-hour tokens', 8 * 3_600, 30 * DAY],
    ['30 days of 24-hour tokens', 86_400, 30 * DAY],
  ])(
    'for tokens without rotations, in %s, are within a tenth of the ideal',
    { tags: 'long' },
    async (_, lifeSeconds, spanMs) => {
      const life = createLife(lifeSeconds);
      const { startMs, server, secrets, clientRecords, token } = life;
      secrets.put('mocha');
      await life.tickUntil(startMs);
      const { refreshAtMs = 0 } = (await clientRecords.read('mocha'))!;
      const { issuedAtMs } = (await token('mocha'))!;
      await life.tickUntil(startMs + spanMs);
      const ideal = spanMs / (refreshAtMs - issuedAtMs);
      expect(server.mints()).toBeGreaterThanOrEqual(Math.floor(0.9 * ideal));
      expect(server.mints()).toBeLessThanOrEqual(Math.ceil(1.1 * ideal) + 1);
      expect(life.withoutTokenMs('mocha', startMs, startMs + spanMs)).toBe(0);
    },
  );
});

test('a token of 24 hours is renewed an hour before its end', async () => {
  const { startMs, server, secrets, tickUntil } = createLife(86_400);
  secrets.put('mocha');
  await tickUntil(startMs + DAY);
  const [, renewedMs = 0] = server.calls.map(({ atMs }) => atMs);
  const beforeEndMs = startMs + DAY - renewedMs;
  expect(beforeEndMs).toBeGreaterThan(HOUR - MINUTE);
  expect(beforeEndMs).toBeLessThan(HOUR + 3 * MINUTE);
});

test.each([
  ['refresh_token: null', { refresh_token: null }],
  ['an id_token', { id_token: 'x' }],
  ['scope: null', { scope: null }],
  ['a list as scope', { scope: ['a', 'b'] }],
  ['expires_in: "1800s"', { expires_in: '1800s' }],
  ['expires_in: " 1800 "', { expires_in: ' 1800 ' }],
  ['expires_in: -1 beside a JWT', { expires_in: -1 }],
  ['expires_in: "" beside a JWT', { expires_in: '' }],
  ['status 201', {}],
])('an answer with %s: its token is used, and asked for once', async (name, change) => {
  const { startMs, server, secrets, tickUntil, token } = createLife(1_800);
  secrets.put('mocha');
  const payload = Buffer.from(JSON.stringify({ exp: startMs / SECOND + 1_800 })).toString('base64url');
  const grant = { access_token: `e30.${payload}.x`, token_type: 'Bearer', expires_in: 1_800 };
  server.trouble = () => json({ ...grant, ...change }, name === 'status 201' ? 201 : 200);
  await tickUntil(startMs + 5 * MINUTE);
  expect((await token('mocha'))?.expiresAtMs).toBe(startMs + 1_800 * SECOND);
  expect(server.mints()).toBe(1);
});
