import { parseArgs } from 'node:util';

import { type ColdWorld, startColdWorld } from './cold-world.ts';
import {
  bareContender,
  brokerContender,
  type Contender,
  libraryContender,
  mintContender,
  powertoolsContender,
} from './herd-contenders.ts';
import { positive, positives } from './options.ts';
import { type Bench, type BenchReport, targetNote } from './report.ts';
import { median } from './samples.ts';
import { startVirtualHerd, VIRTUAL_MS } from './virtual-herd.ts';

interface Options {
  readonly callers: readonly number[];
  readonly latencyMs: number;
  readonly rounds: number;
}

const CONTENDERS = [brokerContender, mintContender, libraryContender, powertoolsContender];
/** The last of many may wait so many times as long as one alone. */
const TARGET = { virtual: 2, real: 3 };

/**
 * Instances that start at one moment, none of which has a token. On this machine, where one process plays all instances and
 * the engines as well, and on virtual time, where every request takes as long as it does in a Region.
 */
export const benchHerd: Bench = {
  help: 'cold callers against a token request by each [--callers 1,10,100,500] [--latency 200] [--rounds 5]',
  async run(args) {
    const options = readOptions(args);
    return [await onVirtualTime(options), await onThisMachine(options)];
  },
};

async function onVirtualTime({ callers: counts, rounds }: Options): Promise<BenchReport> {
  const herd = await startVirtualHerd();
  try {
    const rows: number[][] = [];
    for (const callers of [1, ...counts.filter((count) => count > 1)]) {
      const runs = await inTurn(rounds, (round) => herd.meet(callers, round + 1));
      const lastMs = median(runs.map((run) => run.lastMs));
      rows.push([
        callers,
        Math.max(...runs.map((run) => run.tokenRequests)),
        median(runs.map((run) => run.reads)) / callers,
        median(runs.map((run) => run.writes)) / callers,
        Math.round(lastMs),
        lastMs / (rows[0]?.[4] ?? lastMs),
      ]);
    }
    const most = Math.max(...rows.map(([, token = 0]) => token));
    const times = Math.max(...rows.map((row) => row[5] ?? 0));
    return {
      title: `Herd on virtual time: the table takes ${VIRTUAL_MS.table} ms, an invocation ${VIRTUAL_MS.minter} ms, the authorization server ${VIRTUAL_MS.token} ms`,
      columns: [
        'callers',
        'token requests',
        'reads each',
        'writes each',
        'last has it, ms',
        'times one caller',
      ],
      rows,
      notes: [
        targetNote('one token request, however many callers', most === 1, String(most)),
        targetNote(
          `the last of them has its token within ${TARGET.virtual} times one caller's time`,
          times <= TARGET.virtual,
          times.toFixed(2),
        ),
      ],
    };
  } finally {
    await herd.stop();
  }
}

async function onThisMachine({ callers: counts, latencyMs, rounds }: Options): Promise<BenchReport> {
  const world = await startColdWorld({ tokenLatencyMs: latencyMs });
  const rows: (string | number)[][] = [];
  try {
    for (const create of CONTENDERS) {
      const contender = create(world);
      // What is compiled and connected at the first calls is no matter of this comparison.
      await inTurn(3, () => meet(world, contender, Math.min(10, ...counts)));
      let aloneMs: number | undefined;
      for (const callers of [1, ...counts.filter((count) => count > 1)]) {
        const runs = await inTurn(rounds, () => meet(world, contender, callers));
        const lastMs = median(runs.map((run) => run.lastMs));
        aloneMs ??= lastMs;
        rows.push([
          contender.name,
          callers,
          Math.max(...runs.map((run) => run.token)),
          median(runs.map((run) => run.table)),
          median(runs.map((run) => run.secrets)),
          Math.round(lastMs),
          lastMs / aloneMs,
        ]);
      }
      contender.stop();
    }
    const crowd = Math.max(1, ...counts);
    const bare = bareContender(world);
    const bareMs = median((await inTurn(rounds, () => meet(world, bare, crowd))).map((run) => run.lastMs));
    bare.stop();
    const times = Number(rows.find(([name, callers]) => name === 'broker' && callers === crowd)?.at(-1));
    return {
      title: `Herd on this machine: an authorization server that takes ${latencyMs} ms`,
      columns: [
        'who mints',
        'callers',
        'token requests',
        'DynamoDB',
        'Secrets Manager',
        'last has it, ms',
        'times one caller',
      ],
      rows,
      notes: [
        targetNote(
          `with ${crowd} callers of the broker's, within ${TARGET.real} times one caller's time`,
          times <= TARGET.real,
          times.toFixed(2),
        ),
        `Here all callers and the engines share one process: three bare requests of each of ${crowd} (read, claim, read) take it ${Math.round(bareMs)} ms with nothing else to do. Read the counts, and the times beside each other.`,
      ],
    };
  } finally {
    await world.stop();
  }
}

/** Lets callers without a token start at one moment. */
async function meet(world: ColdWorld, contender: Contender, callers: number) {
  await contender.forget();
  const ready = Array.from({ length: callers }, () => contender.caller());
  world.reset();
  const startedMs = performance.now();
  await Promise.all(ready.map((first) => first()));
  return { ...world.counted, lastMs: performance.now() - startedMs };
}

async function inTurn<Result>(times: number, run: (index: number) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = [];
  for (let index = 0; index < times; index += 1) results.push(await run(index));
  return results;
}

function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      callers: { type: 'string', default: '1,10,100,500' },
      latency: { type: 'string', default: '200' },
      rounds: { type: 'string', default: '5' },
    },
  });
  return {
    callers: positives('callers', values.callers),
    latencyMs: positive('latency', values.latency),
    rounds: positive('rounds', values.rounds),
  };
}
