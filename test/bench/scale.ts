import { parseArgs } from 'node:util';

import type { LimiterName } from '../simulation/limiter.ts';
import { simulate } from '../simulation/simulation.ts';
import { positive, positives } from './options.ts';
import { type Bench, type BenchReport, targetNote } from './report.ts';
import { startTickWorld, type TickCount, type TickWorld } from './tick-world.ts';

interface Options {
  readonly clients: readonly number[];
  readonly due: number;
  readonly percent: number;
  readonly workers: readonly number[];
  readonly minutes: number;
}

/** From the fewest to the most clients, requests per tick with the same number due may grow so many times. */
const TARGET = 1.5;
/** The list of all secrets is read once in so many ticks. */
const HOUR = 60;
/** With a share of many clients a tick is long: a few are enough. */
const SHARE_TICKS = 3;

/** What grows with clients, and with workers: requests of all kinds, to DynamoDB, Secrets Manager and for tokens. */
export const benchScale: Bench = {
  help: 'requests as clients and workers grow [--clients 10,100,1000,10000] [--due 5] [--percent 1] [--workers 1,10,50,200] [--minutes 60]',
  async run(args) {
    const options = readOptions(args);
    const ticks = await growClients(options);
    return [...ticks, await growWorkers(options)];
  },
};

async function growClients({ clients: counts, due, percent }: Options): Promise<BenchReport[]> {
  const world = await startTickWorld();
  const constant: Measured[] = [];
  const shared: Measured[] = [];
  try {
    for (const clients of counts) {
      await world.grow(clients);
      constant.push(await measure(world, clients, Math.min(due, clients), HOUR));
      shared.push(
        await measure(world, clients, Math.max(1, Math.round((clients * percent) / 100)), SHARE_TICKS),
      );
    }
  } finally {
    await world.stop();
  }
  const [first, last] = [constant[0], constant.at(-1)];
  const times = first && last ? together(last.perTick) / together(first.perTick) : Number.NaN;
  const listing = last ? together(last.largest) : Number.NaN;
  return [
    {
      title: `Scale: a tick with ${due} clients due, the mean of an hour`,
      columns: COLUMNS,
      rows: constant.map(rowOf),
      notes: [
        targetNote(
          `from ${first?.clients} to ${last?.clients} clients, at most ${TARGET} times the requests per tick`,
          times <= TARGET,
          times.toFixed(2),
        ),
        'A token request takes a ticket besides: one more write.',
        `The largest tick is the one in an hour that lists all secrets, 100 a request (AWS's limit): ${listing} requests with ${last?.clients} clients.`,
      ],
    },
    {
      title: `Scale: a tick with ${percent} % of the clients due`,
      columns: COLUMNS,
      rows: shared.map(rowOf),
    },
  ];
}

interface Measured {
  readonly clients: number;
  readonly due: number;
  readonly perTick: TickCount;
  readonly largest: TickCount;
}

const COLUMNS = [
  'clients',
  'due',
  'DynamoDB',
  'Secrets Manager',
  'token requests',
  'together',
  'per due client',
  'largest tick',
  'ms per tick',
];

function rowOf({ clients, due, perTick, largest }: Measured): number[] {
  const { table, secrets, token, ms } = perTick;
  const all = together(perTick);
  return [clients, due, table, secrets, token, all, all / due, together(largest), ms];
}

async function measure(world: TickWorld, clients: number, due: number, count: number): Promise<Measured> {
  const ticks: TickCount[] = [];
  for (let tick = 0; tick < count; tick += 1) ticks.push(await world.tick(due));
  const mean = (of: (tick: TickCount) => number): number =>
    ticks.reduce((sum, tick) => sum + of(tick), 0) / count;
  return {
    clients,
    due,
    perTick: {
      table: mean(({ table }) => table),
      secrets: mean(({ secrets }) => secrets),
      token: mean(({ token }) => token),
      ms: mean(({ ms }) => ms),
    },
    largest: ticks.toSorted((a, b) => together(b) - together(a))[0] as TickCount,
  };
}

function together({ table, secrets, token }: TickCount): number {
  return table + secrets + token;
}

async function growWorkers({ workers: counts, minutes }: Options): Promise<BenchReport> {
  const perCall = async (limiter: LimiterName, demand: 'steady' | 'saturated', workers: number) => {
    const run = { limiter, demand, workers, seed: 1, durationMs: minutes * 60_000 };
    return (await simulate(run)).requestsPerCall;
  };
  const rows: number[][] = [];
  for (const workers of counts) {
    rows.push([
      workers,
      await perCall('tickets', 'steady', workers),
      await perCall('fixed window', 'steady', workers),
      await perCall('tickets', 'saturated', workers),
      await perCall('fixed window', 'saturated', workers),
    ]);
  }
  const most = Math.max(
    ...rows.flatMap(([, ours = 0, theirs = 0, saturated = 0, theirsSaturated = 0]) => [
      ours / theirs,
      saturated / theirsSaturated,
    ]),
  );
  return {
    title: `Scale: DynamoDB requests per API call, ${minutes} minutes of virtual time`,
    columns: [
      'workers',
      'tickets, 4 calls a second',
      'RateLimiterDynamo, 4 calls a second',
      'tickets, saturated',
      'RateLimiterDynamo, saturated',
    ],
    rows,
    notes: [
      'Saturated: 12 calls a second are wanted, 5.9 may be made. Workers beyond ten only wait, and pay for being refused.',
      targetNote(
        'fewer than RateLimiterDynamo with any number of workers',
        most < 1,
        `${most.toFixed(2)} of them`,
      ),
    ],
  };
}

function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      clients: { type: 'string', default: '10,100,1000,10000' },
      due: { type: 'string', default: '5' },
      percent: { type: 'string', default: '1' },
      workers: { type: 'string', default: '1,10,50,200' },
      minutes: { type: 'string', default: '60' },
    },
  });
  return {
    clients: positives('clients', values.clients).toSorted((a, b) => a - b),
    due: positive('due', values.due),
    percent: positive('percent', values.percent),
    workers: positives('workers', values.workers),
    minutes: positive('minutes', values.minutes),
  };
}
