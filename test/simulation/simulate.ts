import { parseArgs } from 'node:util';

import { DEFAULT_BUDGET_SETTINGS } from '../../lib/budget/settings.ts';
import { conspire } from './adversary.ts';
import { DEMANDS, type Demand } from './demand.ts';
import type { LimiterName } from './limiter.ts';
import { simulate } from './simulation.ts';
import { type AlgorithmSummary, summarise } from './summary.ts';
import { formatTable } from './table.ts';

const HELP = `npm run simulate -- [--seeds 3] [--workers 10,100] [--minutes 60] [--calls 10] [--skew] [--json]

Runs the call budget on virtual time, with the default settings, against a WAF that counts every rolling window
exactly. Beside it: the fixed window of rate-limiter-flexible, the sliding counters of @upstash/ratelimit, and an
adversary that sends as late and as early as our rules allow.

  --seeds N      how many seeds of each demand
  --workers N,…  sizes of the fleet
  --minutes N    virtual time of each run
  --calls N      calls of a job, in the mean
  --skew         clocks up to 2 s off, and one by a minute; without it they are equal
  --json         one line of JSON per algorithm`;

const LIMITERS: readonly LimiterName[] = ['tickets', 'fixed window', 'sliding counters'];

const options = readOptions();
const summaries: AlgorithmSummary[] = [];
for (const workers of options.workers) {
  for (const limiter of LIMITERS) {
    const runs: { demand: Demand; seed: number; result: Awaited<ReturnType<typeof simulate>> }[] = [];
    for (const demand of DEMANDS) {
      for (let seed = 1; seed <= options.seeds; seed += 1) {
        const durationMs = options.minutes * 60_000;
        const jobs = { clocks: options.clocks, callsPerJob: options.calls };
        runs.push({
          demand,
          seed,
          result: await simulate({ limiter, demand, workers, seed, durationMs, ...jobs }),
        });
      }
    }
    summaries.push(summarise(limiter, workers, runs));
  }
}
const adversary = await adversaries();

if (options.json) {
  for (const line of [...summaries, adversary]) console.log(JSON.stringify(line));
} else {
  console.log(formatTable(summaries, adversary));
}

/** Both streams against their bounds at once: the windows that they aim at may coincide. */
async function adversaries() {
  const worker = await conspire({ settings: DEFAULT_BUDGET_SETTINGS, stream: 'worker' });
  const minter = await conspire({ settings: DEFAULT_BUDGET_SETTINGS, stream: 'minter' });
  return {
    algorithm: 'tickets, adversary',
    bound: worker.bound + minter.bound,
    largestWindow: worker.largest + minter.largest,
    beyondLimit: Math.max(0, worker.largest + minter.largest - DEFAULT_BUDGET_SETTINGS.limit),
  };
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        seeds: { type: 'string', default: '3' },
        workers: { type: 'string', default: '10,100' },
        minutes: { type: 'string', default: '60' },
        calls: { type: 'string', default: '10' },
        skew: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      console.log(HELP);
      process.exit(0);
    }
    return {
      seeds: positive('seeds', values.seeds),
      workers: values.workers.split(',').map((size) => positive('workers', size)),
      minutes: positive('minutes', values.minutes),
      calls: positive('calls', values.calls),
      clocks: values.skew ? ('skewed' as const) : ('equal' as const),
      json: values.json,
    };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${HELP}`);
    process.exit(2);
  }
}

function positive(flag: string, text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text))
    throw new Error(`--${flag} must be a positive whole number, not "${text}"`);
  return Number(text);
}
