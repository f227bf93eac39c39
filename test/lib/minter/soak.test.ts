import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { SecretUnavailableError } from '../../../lib/credentials/errors.ts';
import { isPlumeError } from '../../../lib/errors.ts';
import { jitterOf, refreshAtMs } from '../../../lib/minter/mint-times.ts';
import type { Clock, Now } from '../../../lib/platform/clock.ts';
import { createServerClock, type ServerClock } from '../../../lib/platform/server-clock.ts';
import { accessToken, isServable } from '../../../lib/token/access-token.ts';
import { createMintRequests } from '../../../lib/token/mint-requests.ts';
import { createTokenReader } from '../../../lib/token/read-token.ts';
import { startTable } from '../../fixtures/table.ts';
import { silentTelemetry } from '../../fixtures/telemetry.ts';
import { createWorld, json, oauthError } from '../../fixtures/virtual-time/minter.ts';

/**
 * Days of virtual time: 50 clients whose tokens live between 10 minutes and 24 hours, 40 workers, every clock up to 2 s off, or
 * minutes, which the table's answers correct. Faults of every kind: outages, rotations that the server accepts up to a minute
 * late, spurious refusals, revoked tokens, partners that are removed and come back. Half an hour by default;
 * `PLUME_TEST_HOURS=24` for the whole (some minutes), `PLUME_TEST_SEED` for another story.
 */
const HOURS = Number(process.env.PLUME_TEST_HOURS ?? 0.5);
const SEED = process.env.PLUME_TEST_SEED ?? '1';
const MINUTE = 60_000;
const CLIENTS = Array.from({ length: 50 }, (_, index) => `client-${index}`);
const WORKERS = 40;

/** A number in [0, 1) that depends on the seed and the words alone, not on the order of questions. */
function chance(...words: readonly (string | number)[]): number {
  return (
    createHash('sha256')
      .update([SEED, ...words].join(' '))
      .digest()
      .readUInt32BE(0) /
    2 ** 32
  );
}

const skewMs = (who: string): number => Math.round((chance('skew', who) * 2 - 1) * 2_000);

const TROUBLES: readonly (() => Response)[] = [
  () => {
    throw new TypeError('fetch failed', { cause: { code: 'ECONNREFUSED' } });
  },
  () => {
    throw new DOMException('timeout', 'TimeoutError');
  },
  () => new Response('', { status: 500 }),
  () => new Response('<html>', { status: 502, headers: { 'content-type': 'text/html' } }),
  () => json({}, 429, { 'retry-after': '30' }),
  () => new Response('{"access_to', { headers: { 'content-type': 'application/json' } }),
  () => new Response('<html>', { headers: { 'content-type': 'text/html' } }),
  () => json({ token_type: 'Bearer', access_token: 'x', expires_in: 1 }),
  tenMegabytes,
  () => new Response(null, { status: 302, headers: { location: 'https://elsewhere.example' } }),
];

function tenMegabytes(): Response {
  let left = 160;
  const body = new ReadableStream<Uint8Array>({
    pull(stream) {
      left -= 1;
      stream.enqueue(new Uint8Array(65_536).fill(32));
      if (left === 0) stream.close();
    },
  });
  return new Response(body, { headers: { 'content-type': 'application/json' } });
}

interface Span {
  readonly from: number;
  readonly to: number;
}

interface Outage extends Span {
  readonly trouble: () => Response;
}

/** A partner is without a secret: once in two days on average, for half an hour to three hours. */
function absencesOf(client: string, minutes: number): readonly Span[] {
  const absences: Span[] = [];
  for (let minute = 2; minute < minutes; minute += 1) {
    if (chance('removed', client, minute) >= 1 / 2_880) continue;
    const to = minute + 30 + Math.floor(chance('absence', client, minute) * 150);
    absences.push({ from: minute, to });
    minute = to + 60;
  }
  return absences;
}

/** Once in four hours on average, for up to 20 minutes. */
function outagesOf(client: string, minutes: number): readonly Outage[] {
  const outages: Outage[] = [];
  for (let minute = 1; minute < minutes; minute += 1) {
    if (chance('outage', client, minute) >= 1 / 240) continue;
    const to = minute + 1 + Math.floor(chance('length', client, minute) * 20);
    const trouble = TROUBLES[Math.floor(chance('kind', client, minute) * TROUBLES.length)];
    if (trouble) outages.push({ from: minute, to, trouble });
    minute = to;
  }
  return outages;
}

test(`${HOURS} h, 50 clients, 40 workers, skew and faults`, {
  timeout: 120_000 + HOURS * 180_000,
}, async () => {
  const story = await soak(HOURS * 60);
  console.log(`soak ${HOURS} h, seed ${SEED}: ${JSON.stringify(story)}`);
});

test('the same seed tells the same story', async () => {
  expect(await soak(12)).toEqual(await soak(12));
});

/** Plays the story on a table of its own, and checks it while it goes. */
async function soak(minutes: number) {
  await using engine = await startedTable();
  const world = createWorld(engine, { random: () => 0.5 });
  const { clock, settings, server, store } = world;
  const startMs = clock.now();
  const minuteNow = (): number => (clock.now() - startMs) / MINUTE;
  const lifetimeMs = new Map(
    CLIENTS.map((name) => [name, Math.round(600 * 144 ** chance('lifetime', name)) * 1000]),
  );
  const outages = new Map(CLIENTS.map((name) => [name, outagesOf(name, minutes)]));
  const absences = new Map(CLIENTS.map((name) => [name, absencesOf(name, minutes)]));
  /** The secret that the server accepts, and from when on: the one before is refused at once. */
  const accepted = new Map(CLIENTS.map((name) => [name, { secret: 'secret', fromMs: 0 }]));
  const rotations = new Map<string, number>();
  const outageAt = (name: string) =>
    outages.get(name)?.find(({ from, to }) => from <= minuteNow() && minuteNow() < to);
  const secretsAwayFrom = Math.floor(minutes / 2);

  const truth = new Map<string, { name: string; expiresAtMs: number }>();
  const mints = new Map(CLIENTS.map((name) => [name, 0]));
  let requested = 0;
  const refusedAtMs = new Map<string, number>();
  server.trouble = ({ client: name, endpoint, secret }) => {
    const trouble = outageAt(name)?.trouble;
    if (trouble !== undefined) return trouble();
    if (endpoint !== 'token') return undefined;
    requested += 1;
    const { secret: right, fromMs } = accepted.get(name) ?? { secret: '', fromMs: 0 };
    const isSpurious = chance('spurious', name, requested) < 1 / 50;
    if (secret !== right || clock.now() < fromMs || isSpurious) {
      refusedAtMs.set(name, clock.now());
      return oauthError('invalid_client', 401);
    }
    mints.set(name, (mints.get(name) ?? 0) + 1);
    const life = lifetimeMs.get(name) ?? 0;
    const value = `${name}-${mints.get(name)}`;
    truth.set(value, { name, expiresAtMs: clock.now() + life });
    return json({ access_token: value, token_type: 'Bearer', expires_in: life / 1000 });
  };
  const { read, list } = world.secrets;
  const isSecretsAway = () => minuteNow() >= secretsAwayFrom && minuteNow() < secretsAwayFrom + 5;
  const checkSecrets = (): void => {
    if (isSecretsAway()) throw new SecretUnavailableError({ prefix: 'plume/m2m' }, 'ETIMEDOUT');
  };
  Object.assign(world.secrets, {
    read: async (...args: Parameters<typeof read>) => {
      checkSecrets();
      return read(...args);
    },
    async *list(...args: Parameters<typeof list>) {
      checkSecrets();
      yield* list(...args);
    },
  });

  const tableAwayFrom = Math.floor(minutes / 3);
  const isTableAway = () => minuteNow() >= tableAwayFrom && minuteNow() < tableAwayFrom + 3;
  engine.dynamodb.middlewareStack.add(
    (next) => async (args) => {
      if (isTableAway()) throw new Error('the table is away');
      return next(args);
    },
    { step: 'initialize', name: 'takeTableAway' },
  );

  const corrected: ServerClock[] = [];
  /** A clock that is up to two seconds off or, of one in three, minutes, and then corrected. */
  const clockOf = (who: string): Clock & { localNow?: Now } => {
    const isWrong = chance('wrong', who) < 1 / 3;
    const offMs = skewMs(who) * (isWrong ? 300 : 1);
    const local: Clock = { now: () => clock.now() + offMs, sleep: clock.sleep };
    if (!isWrong) return local;
    const server = createServerClock({ clock: local });
    corrected.push(server);
    return server;
  };
  engine.dynamodb.middlewareStack.add(
    (next) => async (args) => {
      const sentMs = corrected.map(({ localNow }) => localNow());
      const result = await next(args);
      const dateMs = Math.floor(clock.now() / 1000) * 1000;
      for (const [index, server] of corrected.entries())
        server.observe(dateMs, sentMs[index] ?? server.localNow(), server.localNow());
      return result;
    },
    { step: 'deserialize', priority: 'low', name: 'observeDate' },
  );
  const minters = [0, 1, 2].map((minter) => clockOf(`minter ${minter}`));
  const workerClocks = Array.from({ length: WORKERS }, (_, worker) => clockOf(`worker ${worker}`));
  const requests = createMintRequests(engine);
  const readers = workerClocks.map((workerClock, worker) =>
    createTokenReader({
      store,
      requests,
      askMinter: (name, rejected) => {
        const minter = minters[worker % minters.length];
        return world.request(name, rejected, { ...(minter && { clock: minter }) });
      },
      settings,
      clock: workerClock,
      telemetry: silentTelemetry,
      random: () => 0.5,
    }),
  );

  /** True while the client may be without a token, and until the tick after that has had its chance. */
  const isExcused = (name: string): boolean => {
    const overlaps = ({ from, to }: Span): boolean => from <= minuteNow() && minuteNow() <= to + 1.5;
    return [
      // What the vendor does not document is tried again every five minutes at the latest.
      ...(outages.get(name) ?? []).map(({ from, to }) => ({ from, to: to + 5 })),
      // One that is back is found when all secrets are listed.
      ...(absences.get(name) ?? []).map(({ from, to }) => ({ from, to: to + 47 })),
      { from: secretsAwayFrom, to: secretsAwayFrom + 5 },
      { from: tableAwayFrom, to: tableAwayFrom + 3 },
    ].some(overlaps);
  };

  const counts = { sent: 0, expiredSent: 0, rejected: 0, recovered: 0, unrecovered: 0, unavailable: 0 };
  /** One call of a worker that does not wait: the story's time is the ticks'. */
  const call = async (worker: number, name: string): Promise<void> => {
    let rejected: string | undefined;
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const { now, localNow = now }: Clock & { localNow?: Now } = workerClocks[worker] ?? clock;
      const waitUntilMs = localNow();
      const served = await readers[worker]?.get(name, { waitUntilMs, rejected }).catch((error: unknown) => {
        if (!isPlumeError(error)) throw error;
        return undefined;
      });
      if (served === undefined) {
        counts.unavailable += 1;
        // A refusal is tried again after 5 s, for which this caller does not wait.
        const isRefused = clock.now() - (refusedAtMs.get(name) ?? 0) < MINUTE;
        if (rejected !== undefined && !isExcused(name) && !isRefused) counts.unrecovered += 1;
        return;
      }
      counts.sent += 1;
      const { value, fingerprint } = served.token;
      if ((truth.get(value)?.expiresAtMs ?? 0) <= clock.now()) counts.expiredSent += 1;
      if (!server.revoked.has(value)) {
        if (rejected !== undefined) counts.recovered += 1;
        return;
      }
      counts.rejected += 1;
      rejected = fingerprint;
    }
  };

  for (const name of CLIENTS) world.secrets.put(name);
  const forced = new Map<string, number>();
  /** Rotations, removals and returns of a minute. */
  const changeSecrets = (minute: number): void => {
    for (const name of CLIENTS) {
      const isAbsent = absences.get(name)?.some(({ from, to }) => from <= minute && minute < to) ?? false;
      if (absences.get(name)?.some(({ from }) => from === minute)) world.secrets.delete(name);
      if (absences.get(name)?.some(({ to }) => to === minute))
        world.secrets.put(name, accepted.get(name)?.secret);
      if (isAbsent || chance('rotate', name, minute) >= 1 / 600) continue;
      const secret = `secret-${minute}`;
      accepted.set(name, { secret, fromMs: clock.now() + MINUTE * chance('late', name, minute) });
      world.secrets.put(name, secret);
      rotations.set(name, (rotations.get(name) ?? 0) + 1);
    }
  };
  const passTo = (minute: number): void =>
    clock.advance(Math.max(0, startMs + minute * MINUTE - clock.now()));
  const revokedAt = new Map<string, number>();
  for (let minute = 0; minute < minutes; minute += 1) {
    passTo(minute);
    if (minute > 0) changeSecrets(minute);
    const minter = minters[minute % minters.length];
    await world.tick({ ...(minter && { clock: minter }) }).catch((error: unknown) => {
      if (!isTableAway() || !isPlumeError(error)) throw error;
    });
    for (const name of CLIENTS) {
      if (isTableAway()) break;
      const token = (await store.read(name))?.token;
      const isGood = token !== undefined && isServable(token, clock.now(), settings);
      // Time without a token is time in which what it comes from is away.
      expect(isGood || isExcused(name), `${name} in minute ${minute}`).toBe(true);
      const isLongAgo = minute - (revokedAt.get(name) ?? -5) >= 5;
      if (token !== undefined && isLongAgo && chance('revoke', name, minute) < 1 / 300) {
        server.revoked.add(token.value);
        revokedAt.set(name, minute);
        forced.set(name, (forced.get(name) ?? 0) + 1);
      }
    }
    passTo(minute + 0.5);
    for (let worker = 0; worker < WORKERS; worker += 1) {
      await call(worker, CLIENTS[Math.floor(chance('call', worker, minute) * CLIENTS.length)] ?? '');
    }
  }

  expect(counts.expiredSent).toBe(0);
  expect(counts.sent).toBeGreaterThan(WORKERS * minutes * 0.7);
  expect(counts.unrecovered).toBe(0);
  // A short story may hold little but faults.
  if (minutes >= 30) expect(counts.recovered).toBeGreaterThanOrEqual(counts.rejected / 2);
  for (const name of CLIENTS) {
    const intervalMs = refreshAtMs(accessToken(name, 0, lifetimeMs.get(name) ?? 0), settings, jitterOf(name));
    const ideal = (minutes * MINUTE) / intervalMs;
    const absent = (absences.get(name) ?? []).map(({ from, to }) => ({ from, to: to + 47 }));
    const away = [...(outages.get(name) ?? []), ...absent, { from: 0, to: 5 }, { from: 0, to: 3 }];
    // A revoked token, a rotation and a return cost one mint more each; what is away holds back those of its time, and the one under way.
    const missed = away.reduce((sum, { from, to }) => sum + 1 + ((to - from) * MINUTE) / intervalMs, 0);
    // AWSPREVIOUS may have renewed a token just before the new secret was accepted.
    const more = (forced.get(name) ?? 0) + 2 * (rotations.get(name) ?? 0) + 2 * absent.length;
    expect(mints.get(name), name).toBeLessThanOrEqual(1.1 * ideal + 1 + more);
    expect(mints.get(name), name).toBeGreaterThanOrEqual(0.9 * ideal - missed);
  }
  const story = createHash('sha256')
    .update(JSON.stringify([...mints]))
    .digest('hex')
    .slice(0, 8);
  return { ...counts, mints: [...mints.values()].reduce((a, b) => a + b), story };
}

async function startedTable() {
  const table = await startTable();
  return { ...table, [Symbol.asyncDispose]: () => table.stop() };
}
