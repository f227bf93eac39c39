import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import middy from '@middy/core';
import type { Context } from 'aws-lambda';

import { plume } from '../../lib/middleware/plume.ts';
import { apiRequest } from '../../lib/plume/api-request.ts';
import { send } from '../../lib/plume/send.ts';
import { tell } from './child.ts';

/** One environment that makes as many calls as it can. */

export interface ThroughputInput {
  readonly inFlight: readonly number[];
  readonly rounds: number;
  /** Of each contender, in each round: one invocation. */
  readonly calls: number;
}

export interface Speed {
  readonly callsPerSecond: number;
  /** µs of this process, user and system, for a call. */
  readonly cpuUs: number;
}

/** One speed for each round. */
export type ThroughputResult = readonly ({ readonly inFlight: number } & Record<Contender, Speed[]>)[];

export type Contender = 'bare' | 'again' | 'timed' | 'attempt' | 'plume';

interface Work {
  readonly calls: number;
  readonly inFlight: number;
}

type Call = (path: string) => Promise<Response>;

const PATH = '/v1/locations';

/** Keeps `inFlight` calls under way until `calls` have been made, and reads every answer. */
async function callAll({ calls, inFlight }: Work, call: Call): Promise<void> {
  let left = calls;
  const caller = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const response = await call(PATH);
      await response.text();
      if (!response.ok) throw new Error(`a call was answered with ${response.status}`);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, caller));
}

const apiUrl = process.env.BENCH_API_URL;
const headers = { authorization: `Bearer ${'constant'.repeat(100)}` };

/** What a careful caller does without a broker: no call may hang for ever. */
async function timedFetch(path: string): Promise<Response> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), 10_000);
  try {
    return await fetch(new URL(path, apiUrl), { headers, redirect: 'manual', signal: late.signal });
  } finally {
    clearTimeout(timer);
  }
}

const base = new URL(apiUrl ?? 'http://localhost');
const { signal } = new AbortController();
const permit = { isValid: () => true };

/** What the library does for a call at the wire, without its token, its ticket and its invocation. */
function attempt(path: string): Promise<Response> {
  const request = apiRequest('mocha', base, path);
  const { authorization } = headers;
  return send({ client: 'mocha', request, permit, authorization, fetch, timeoutMs: 10_000, signal });
}

const bare = () =>
  middy<Work>().handler((work) => callAll(work, (path) => fetch(new URL(path, apiUrl), { headers })));

const HANDLERS = {
  bare: bare(),
  /** The same once more: what differs between the two is the machine. */
  again: bare(),
  timed: middy<Work>().handler((work) => callAll(work, timedFetch)),
  attempt: middy<Work>().handler((work) => callAll(work, attempt)),
  plume: middy()
    .use(plume<Work>({ client: 'mocha', calls: ({ calls }) => calls }))
    .handler((work, context) => callAll(work, context.plume.fetch)),
} as unknown as Record<Contender, (work: Work, context: Context) => Promise<void>>;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const CONTENDERS = Object.keys(HANDLERS) as Contender[];

async function speedOf(name: Contender, work: Work): Promise<Speed> {
  // Nobody pays for what another has left behind.
  collectGarbage();
  const context = { getRemainingTimeInMillis: () => 600_000 } as Context;
  const beganMs = performance.now();
  const usage = process.cpuUsage();
  await HANDLERS[name](work, context);
  const { user, system } = process.cpuUsage(usage);
  return {
    callsPerSecond: work.calls / ((performance.now() - beganMs) / 1000),
    cpuUs: (user + system) / work.calls,
  };
}

/** In an order that follows no rhythm of the machine. */
function shuffled<Item>(items: readonly Item[]): Item[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

await tell(async ({ inFlight: levels, rounds, calls }: ThroughputInput): Promise<ThroughputResult> => {
  const results = levels.map(
    (inFlight) =>
      ({ inFlight, bare: [], again: [], timed: [], attempt: [], plume: [] }) as ThroughputResult[number],
  );
  const warmUp = Math.ceil(rounds / 5);
  for (let round = 0; round < rounds + warmUp; round += 1) {
    for (const result of results) {
      for (const name of shuffled(CONTENDERS)) {
        const speed = await speedOf(name, { calls, inFlight: result.inFlight });
        if (round >= warmUp) result[name].push(speed);
      }
    }
  }
  return results;
});
