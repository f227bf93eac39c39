import middy from '@middy/core';
import type { Context } from 'aws-lambda';

import { plume } from '../../lib/middleware/plume.ts';
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

export type Contender = 'bare' | 'timed' | 'plume';

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

const HANDLERS = {
  bare: middy<Work>().handler((work) => callAll(work, (path) => fetch(new URL(path, apiUrl), { headers }))),
  timed: middy<Work>().handler((work) => callAll(work, timedFetch)),
  plume: middy()
    .use(plume<Work>({ client: 'mocha', calls: ({ calls }) => calls }))
    .handler((work, context) => callAll(work, context.plume.fetch)),
} as unknown as Record<Contender, (work: Work, context: Context) => Promise<void>>;

const CONTENDERS = Object.keys(HANDLERS) as Contender[];

async function speedOf(name: Contender, work: Work): Promise<Speed> {
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

await tell(async ({ inFlight: levels, rounds, calls }: ThroughputInput): Promise<ThroughputResult> => {
  const results = levels.map(
    (inFlight) => ({ inFlight, bare: [], timed: [], plume: [] }) as ThroughputResult[number],
  );
  const warmUp = Math.ceil(rounds / 5);
  for (let round = 0; round < rounds + warmUp; round += 1) {
    for (const result of results) {
      for (let turn = 0; turn < CONTENDERS.length; turn += 1) {
        const name = CONTENDERS[(turn + round) % CONTENDERS.length] as Contender;
        const speed = await speedOf(name, { calls, inFlight: result.inFlight });
        if (round >= warmUp) result[name].push(speed);
      }
    }
  }
  return results;
});
