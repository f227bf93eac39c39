import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { SCALED_PROFILE } from '../../infra/local/profile.ts';
import type { TokenSettings } from '../../lib/contract.ts';
import { type ColdWorld, startColdWorld } from './cold-world.ts';
import { positive } from './options.ts';
import { brokerContender, cacheContender, type RecoverContender } from './recover-contenders.ts';
import { type Bench, met } from './report.ts';

interface Options {
  readonly instances: number;
  readonly callers: number;
  readonly lifetimeSeconds: number;
  readonly latencyMs: number;
}

interface Recovery {
  readonly failed: number;
  readonly rejected: number;
  readonly mints: number;
  /** From the revocation until calls succeed as often as before; undefined: not in the run. */
  readonly backMs: number | undefined;
  readonly perSecondBefore: number;
  readonly perSecondAfter: number;
}

/** A token is revoked when it has served for so long. */
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
  help: 'a live token revoked under load, against caching it [--instances 8] [--callers 4] [--lifetime 12] [--latency 200]',
  async run(args) {
    const options = readOptions(args);
    const { lifetimeSeconds } = options;
    const token = SCALED_PROFILE.token;
    const contenders = [
      (world: ColdWorld) => brokerContender(world, token),
      (world: ColdWorld) => cacheContender(world, token, { dropsRejected: true }),
      (world: ColdWorld) => cacheContender(world, token, { dropsRejected: false }),
    ];
    const rows: [name: string, Recovery][] = [];
    for (const create of contenders) {
      const world = await startColdWorld({
        tokenLatencyMs: options.latencyMs,
        apiLatencyMs: API_MS,
        lifetimeSeconds,
        token,
      });
      try {
        const contender = create(world);
        rows.push([contender.name, await measure(world, contender, options, token)]);
        contender.stop();
      } finally {
        await world.stop();
      }
    }
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
          `No call of the broker's fails for good: ${met(broker?.failed === 0)}. One mint: ${met(broker?.mints === 1)}.`,
          `A token that is cached until it expires fails for the rest of its life: here ${lifetimeSeconds} s at most, with tokens of 30 minutes 30 minutes.`,
        ],
      },
    ];
  },
};

async function measure(
  { system, cloud, client }: ColdWorld,
  contender: RecoverContender,
  { instances, callers, lifetimeSeconds }: Options,
  { tickMs }: TokenSettings,
): Promise<Recovery> {
  const over = new AbortController();
  const ends: { readonly atMs: number; readonly ok: boolean }[] = [];
  const seen: { readonly atMs: number; readonly what: 'mint' | '401' }[] = [];
  const unsubscribe = system.facts.subscribe((fact) => {
    if (fact.kind === 'token-issued') seen.push({ atMs: fact.atMs, what: 'mint' });
    if (fact.kind === 'answer' && fact.endpoint === 'api' && fact.status === 401)
      seen.push({ atMs: fact.atMs, what: '401' });
  });
  const calls = Array.from({ length: instances }, () => contender.instance());
  // Everybody has a token and a connection before the clock starts.
  await Promise.all(calls.map((call) => call()));

  const startedMs = Date.now();
  const keepCalling = async (call: () => Promise<boolean>): Promise<void> => {
    await sleep(Math.random() * EVERY_MS);
    for (let nextMs = Date.now(); !over.signal.aborted; nextMs = Math.max(nextMs + EVERY_MS, Date.now())) {
      await sleep(Math.max(0, nextMs - Date.now()));
      const ok = await call();
      ends.push({ atMs: Date.now(), ok });
    }
  };
  const ticking = contender.tick && repeat(contender.tick, tickMs, over.signal);
  const calling = calls.flatMap((call) => Array.from({ length: callers }, () => keepCalling(call)));
  await sleep(REVOKED_AFTER_MS);
  const revokedMs = Date.now();
  cloud.revoke(client.name);
  await sleep(startedMs + 1000 * lifetimeSeconds + AFTER_MS - Date.now());
  over.abort();
  await Promise.all([ticking, ...calling]);
  unsubscribe();

  const perSecond = (fromMs: number, toMs: number): number =>
    (1000 * ends.filter(({ atMs, ok }) => ok && atMs >= fromMs && atMs < toMs).length) / (toMs - fromMs);
  const perSecondBefore = perSecond(revokedMs - 2_000, revokedMs);
  const endMs = startedMs + 1000 * lifetimeSeconds + AFTER_MS;
  const isBackAt = (atMs: number): boolean =>
    perSecond(atMs, atMs + EVERY_MS) >= BACK * perSecondBefore &&
    perSecond(atMs, atMs + BUCKETS * EVERY_MS) >= BACK * perSecondBefore;
  let backAtMs: number | undefined;
  for (let atMs = revokedMs; backAtMs === undefined && atMs + BUCKETS * EVERY_MS <= endMs; atMs += 10)
    if (isBackAt(atMs) && perSecond(endMs - 1_000, endMs) > 0) backAtMs = atMs;
  const untilMs = backAtMs ?? endMs;
  // Those of a moment: a call that was under way at the revocation may be the first to come back.
  const during = (what: 'mint' | '401'): number =>
    seen.filter((fact) => fact.what === what && fact.atMs >= revokedMs && fact.atMs < untilMs + 1_000).length;
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

function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      instances: { type: 'string', default: '8' },
      callers: { type: 'string', default: '4' },
      lifetime: { type: 'string', default: '12' },
      latency: { type: 'string', default: '200' },
    },
  });
  return {
    instances: positive('instances', values.instances),
    callers: positive('callers', values.callers),
    lifetimeSeconds: positive('lifetime', values.lifetime),
    latencyMs: positive('latency', values.latency),
  };
}
