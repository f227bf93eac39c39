import middy from '@middy/core';
import type { Context } from 'aws-lambda';

import { ENV } from '../../lib/contract.ts';
import { plume } from '../../lib/middleware/plume.ts';
import { tell } from './child.ts';

/** One environment that makes as many calls as it can. */

export interface ThroughputInput {
  readonly inFlight: readonly number[];
  readonly rounds: number;
  /** Of each contender, in each round. */
  readonly calls: number;
}

/** Calls a second, one number for each round. */
export type ThroughputResult = readonly {
  readonly inFlight: number;
  readonly bare: number[];
  readonly plume: number[];
}[];

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

const apiUrl = process.env[ENV.apiUrl] ?? '';
const headers = { authorization: `Bearer ${'constant'.repeat(100)}` };

const contenders = {
  bare: middy<Work>().handler((work) => callAll(work, (path) => fetch(new URL(path, apiUrl), { headers }))),
  plume: middy()
    .use(plume<Work>({ client: 'mocha', calls: ({ calls }) => calls }))
    .handler((work, context) => callAll(work, context.plume.fetch)),
};

async function callsPerSecond(name: keyof typeof contenders, work: Work): Promise<number> {
  const context = { getRemainingTimeInMillis: () => 600_000 } as Context & { plume: never };
  const beganMs = performance.now();
  await contenders[name](work, context);
  return work.calls / ((performance.now() - beganMs) / 1000);
}

await tell(async ({ inFlight: levels, rounds, calls }: ThroughputInput): Promise<ThroughputResult> => {
  const results = levels.map((inFlight) => ({ inFlight, bare: [] as number[], plume: [] as number[] }));
  for (let round = 0; round <= rounds; round += 1) {
    for (const result of results) {
      const work = { calls, inFlight: result.inFlight };
      for (const name of round % 2 === 0 ? (['bare', 'plume'] as const) : (['plume', 'bare'] as const)) {
        const speed = await callsPerSecond(name, work);
        // The first round warms up.
        if (round > 0) result[name].push(speed);
      }
    }
  }
  return results;
});
