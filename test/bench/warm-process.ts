import { getSecret } from '@aws-lambda-powertools/parameters/secrets';
import middy from '@middy/core';
import secretsManager from '@middy/secrets-manager';
import type { Context } from 'aws-lambda';

import { plume } from '../../lib/middleware/plume.ts';
import { tell } from './child.ts';

/** One environment that has what it needs in memory, and is invoked again and again. */

export interface WarmInput {
  readonly rounds: number;
  /** Of each contender, in each round. */
  readonly invocations: number;
  /** The invocations after which the heap is looked at. */
  readonly heapInvocations: number;
  readonly calls: number;
}

export interface WarmResult {
  /** By contender; µs of each invocation. */
  readonly idle: Readonly<Record<string, number[]>>;
  /** By contender; bytes by which the heap grew. */
  readonly heap: Readonly<Record<string, number>>;
  /** By contender; µs of each invocation that makes one call. */
  readonly calling: Readonly<Record<string, number[]>>;
  /** What an invocation of `plume()` writes to the log, in lines. */
  readonly linesIdle: number;
  readonly linesCalling: number;
}

type Handler = (event: object, context: Context) => Promise<unknown>;

const SECRET = process.env.BENCH_SECRET ?? '';
const apiUrl = process.env.BENCH_API_URL;
const TOKEN = `Bearer ${'constant'.repeat(100)}`;
const nothing = async (): Promise<void> => {};
const url = (): URL => new URL('/v1/locations', apiUrl);

const IDLE = {
  bare: middy<unknown>().handler(nothing),
  plume: middy()
    .use(plume({ client: 'mocha' }))
    .handler(nothing),
  'middy secrets-manager': middy()
    .use(secretsManager({ fetchData: { secret: SECRET }, cacheExpiry: -1, setToContext: true }) as object)
    .handler(nothing),
  powertools: middy().handler(async () => {
    await getSecret(SECRET, { transform: 'json', maxAge: 86_400 });
  }),
} as unknown as Readonly<Record<string, Handler>>;

const CALLING = {
  bare: middy().handler(async () => (await fetch(url(), { headers: { authorization: TOKEN } })).json()),
  plume: middy()
    .use(plume({ client: 'mocha' }))
    .handler(async (_event, context) => (await context.plume.fetch('/v1/locations')).json()),
} as unknown as Readonly<Record<string, Handler>>;

/** As Lambda gives it: a new one for each invocation. */
function lambdaContext(): Context {
  return { awsRequestId: 'bench', getRemainingTimeInMillis: () => 60_000 } as Context;
}

async function microseconds(handler: Handler): Promise<number> {
  const context = lambdaContext();
  const beganMs = performance.now();
  await handler({}, context);
  return (performance.now() - beganMs) * 1000;
}

/** The contenders take turns, a round each, so that what disturbs the machine hits all of them. */
async function takeTurns(
  handlers: Readonly<Record<string, Handler>>,
  rounds: number,
  invocations: number,
): Promise<Record<string, number[]>> {
  const names = Object.keys(handlers);
  const samples: Record<string, number[]> = Object.fromEntries(names.map((name) => [name, []]));
  const warmUp = Math.ceil(rounds / 10);
  for (let round = 0; round < rounds + warmUp; round += 1) {
    for (let turn = 0; turn < names.length; turn += 1) {
      const name = names[(turn + round) % names.length] as string;
      for (let count = 0; count < invocations; count += 1) {
        const sample = await microseconds(handlers[name] as Handler);
        if (round >= warmUp) samples[name]?.push(sample);
      }
    }
  }
  return samples;
}

async function heapGrowth(handler: Handler, invocations: number): Promise<number> {
  const before = await settledHeap();
  for (let count = 0; count < invocations; count += 1) await handler({}, lambdaContext());
  return (await settledHeap()) - before;
}

async function settledHeap(): Promise<number> {
  for (let times = 0; times < 3; times += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    globalThis.gc?.();
  }
  return process.memoryUsage().heapUsed;
}

async function linesOf(handler: Handler): Promise<number> {
  const { write } = process.stdout;
  let lines = 0;
  process.stdout.write = () => {
    lines += 1;
    return true;
  };
  await handler({}, lambdaContext());
  process.stdout.write = write;
  return lines;
}

await tell(async ({ rounds, invocations, heapInvocations, calls }: WarmInput): Promise<WarmResult> => {
  // Everybody gets into memory what is kept there: tokens, secrets, connections.
  for (const handler of [...Object.values(CALLING), ...Object.values(IDLE)])
    await handler({}, lambdaContext());
  const idle = await takeTurns(IDLE, rounds, invocations);
  const heap: Record<string, number> = {};
  for (const [name, handler] of Object.entries(IDLE)) {
    await heapGrowth(handler, Math.ceil(heapInvocations / 10));
    heap[name] = await heapGrowth(handler, heapInvocations);
  }
  const calling = await takeTurns(CALLING, Math.ceil(calls / 10), Math.min(calls, 10));
  const linesIdle = await linesOf(IDLE.plume as Handler);
  return { idle, heap, calling, linesIdle, linesCalling: await linesOf(CALLING.plume as Handler) };
});
