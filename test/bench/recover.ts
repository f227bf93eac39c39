import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { SCALED_PROFILE } from '../../infra/local/run/profile.ts';
import { type ColdWorld, startColdWorld } from './cold-world.ts';
import { positive } from './options.ts';
import { brokerContender, cacheContender, type RecoverContender } from './recover-contenders.ts';
import { type Bench, targetNote } from './report.ts';

export interface RecoverOptions {
  readonly instances: number;
  /** In each instance. */
  readonly callers: number;
  readonly lifetimeSeconds: number;
  /** Of the authorization server. */
  readonly latencyMs: number;
  readonly revokedAfterMs: number;
  readonly lastsMs: number;
}

export interface Recovery {
  readonly failed: number;
  readonly rejected: number;
  readonly mints: number;
  /** From the revocation until calls succeed as often as before; undefined: not in the run. */
  readonly backMs: number | undefined;
  readonly perSecondBefore: number;
  readonly perSecondAfter: number;
}

const TOKEN = SCALED_PROFILE.token;
/** A token is revoked when it has served for so long: longer than the two seconds that are the measure, and before it is due. */
const REVOKED_AFTER_MS = 4_000;
/** How long the run goes on when the token would have expired. */
const AFTER_MS = 2_500;
const EVERY_MS = 100;
const API_MS = 20;
/** Calls come back to so much of their rate in half a second. */
const BACK = 0.9;
const BUCKETS = 5;

/** The client's live tokens are revoked while all instances call: what it costs until all is as before. */
export const benchRecover: Bench = {
  help: 'a live token revoked under load, against caching it [--instances 8] [--callers 2] [--lifetime 12] [--latency 200]',
  async run(args) {
    const options = readOptions(args);
    const { lifetimeSeconds } = options;
    const rows: [name: string, Recovery][] = [];
    for (const contender of CONTENDERS) rows.push(await recover(contender, options));
    const broker = rows[0]?.[1];
    return [
      {
        title: `Recover: ${options.instances} instances with ${options.callers} callers each, tokens of ${lifetimeSeconds} s, revoked after ${REVOKED_AFTER_MS / 1000} s`,
        columns: [
          'who keeps the token',
          'failed for good',
          'answered 401',
          'mints',
          'rate is back, ms',
          'calls a second before',
          'after',
        ],
        rows: rows.map(([name, recovery]) => [
          name,
          recovery.failed,
          recovery.rejected,
          recovery.mints,
          recovery.backMs ?? 'never',
          recovery.perSecondBefore,
          recovery.perSecondAfter,
        ]),
        notes: [
          targetNote("no call of the broker's fails for good", broker?.failed === 0, String(broker?.failed)),
          targetNote('one mint', broker?.mints === 1, String(broker?.mints)),
          `A token that is cached until it expires fails for the rest of its life: here ${lifetimeSeconds} s at most, with tokens of 30 minutes 30 minutes.`,
        ],
      },
    ];
  },
};

export const CONTENDERS = [
  (world: ColdWorld) => brokerContender(world, TOKEN),
  (world: ColdWorld) => cacheContender(world, TOKEN, { dropsRejected: true }),
  (world: ColdWorld) => cacheContender(world, TOKEN, { dropsRejected: false }),
];

export async function recover(
  create: (world: ColdWorld) => RecoverContender,
  options: RecoverOptions,
): Promise<[name: string, Recovery]> {
  const { latencyMs: tokenLatencyMs, lifetimeSeconds } = options;
  const world = await startColdWorld({ tokenLatencyMs, apiLatencyMs: API_MS, lifetimeSeconds, token: TOKEN });
  try {
    const contender = create(world);
    const recovery = await measure(world, contender, options);
    contender.stop();
    return [contender.name, recovery];
  } finally {
    await world.stop();
  }
}

async function measure(
  { system, cloud, client }: ColdWorld,
  contender: RecoverContender,
  { instances, callers, revokedAfterMs, lastsMs }: RecoverOptions,
): Promise<Recovery> {
  const over = new AbortController();
  const ends: { readonly atMs: number; readonly ok: boolean }[] = [];
  const seen: { readonly atMs: number; readonly what: 'mint' | '401' }[] = [];
  const unsubscribe = system.events.subscribe((event) => {
    if (event.kind === 'token-issued') seen.push({ atMs: event.atMs, what: 'mint' });
    if (event.kind === 'answer' && event.endpoint === 'api' && event.status === 401)
      seen.push({ atMs: event.atMs, what: '401' });
  });
  const calls = Array.from({ length: instances }, () => contender.instance());
  // Everybody has a token and a connection before the clock starts.
  await Promise.all(calls.map((call) => call()));

  const keepCalling = async (call: () => Promise<boolean>): Promise<void> => {
    await sleep(Math.random() * EVERY_MS);
    for (let nextMs = Date.now(); !over.signal.aborted; nextMs = Math.max(nextMs + EVERY_MS, Date.now())) {
      await sleep(Math.max(0, nextMs - Date.now()));
      const ok = await call();
      ends.push({ atMs: Date.now(), ok });
    }
  };
  const ticking = contender.tick && repeat(contender.tick, TOKEN.tickMs, over.signal);
  const calling = calls.flatMap((call) => Array.from({ length: callers }, () => keepCalling(call)));
  await sleep(revokedAfterMs);
  // On a busy machine the first answers come late: before them there is no rate that could come back.
  while (ends.length < calling.length) await sleep(EVERY_MS);
  const revokedMs = Date.now();
  cloud.revoke(client.name);
  const endMs = revokedMs + lastsMs - revokedAfterMs;
  await sleep(endMs - Date.now());
  over.abort();
  await Promise.all([ticking, ...calling]);
  unsubscribe();

  const perSecond = (fromMs: number, toMs: number): number =>
    (1000 * ends.filter(({ atMs, ok }) => ok && atMs >= fromMs && atMs < toMs).length) / (toMs - fromMs);
  const perSecondBefore = perSecond(revokedMs - 2_000, revokedMs);
  const isBackAt = (atMs: number): boolean =>
    perSecond(atMs, atMs + EVERY_MS) >= BACK * perSecondBefore &&
    perSecond(atMs, atMs + BUCKETS * EVERY_MS) >= BACK * perSecondBefore;
  let backAtMs: number | undefined;
  for (let atMs = revokedMs; backAtMs === undefined && atMs + BUCKETS * EVERY_MS <= endMs; atMs += 10)
    if (isBackAt(atMs) && perSecond(endMs - 1_000, endMs) > 0) backAtMs = atMs;
  const untilMs = backAtMs ?? endMs;
  // Those of a moment: a call that was under way at the revocation may be the first to come back.
  const during = (what: 'mint' | '401'): number =>
    seen.filter((event) => event.what === what && event.atMs >= revokedMs && event.atMs < untilMs + 1_000)
      .length;
  return {
    failed: ends.filter(({ ok }) => !ok).length,
    rejected: during('401'),
    mints: during('mint'),
    backMs: backAtMs === undefined ? undefined : backAtMs - revokedMs,
    perSecondBefore: Math.round(perSecondBefore),
    perSecondAfter: Math.round(perSecond(endMs - 2_000, endMs)),
  };
}

async function repeat(work: () => Promise<unknown>, everyMs: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await work();
    await sleep(everyMs, undefined, { signal }).catch(() => {});
  }
}

function readOptions(args: readonly string[]): RecoverOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      instances: { type: 'string', default: '8' },
      callers: { type: 'string', default: '2' },
      lifetime: { type: 'string', default: '12' },
      latency: { type: 'string', default: '200' },
    },
  });
  const lifetimeSeconds = positive('lifetime', values.lifetime);
  return {
    lifetimeSeconds,
    revokedAfterMs: REVOKED_AFTER_MS,
    lastsMs: 1000 * lifetimeSeconds + AFTER_MS,
    instances: positive('instances', values.instances),
    callers: positive('callers', values.callers),
    latencyMs: positive('latency', values.latency),
  };
}
