import { DEFAULT_BUDGET_SETTINGS } from '../../lib/budget/settings.ts';
import { accessToken } from '../../lib/token/access-token.ts';
import { createTokenStore } from '../../lib/token/token-store.ts';
import { startTable } from '../fixtures/table.ts';
import { silentTelemetry } from '../fixtures/telemetry.ts';
import { createWorkerFunction } from '../fixtures/virtual-time/functions.ts';
import { createVirtualQueue } from '../fixtures/virtual-time/queue.ts';
import { createVirtualTime, virtualClock } from '../fixtures/virtual-time/time.ts';
import { createRandom } from '../simulation/random.ts';
import { countRequests, isWrite } from './count-requests.ts';

/** How the reference worker meets a line of the budget. */
export interface WaitingPolicy {
  /** How long a call waits for its ticket; a job that would wait longer goes back to the queue. */
  readonly maxWaitMs: number;
  /** Invocations at a time. */
  readonly concurrency: number;
}

/** What came of an hour. */
export interface WaitingCount {
  readonly done: number;
  readonly invocations: number;
  /** Seconds of invocations: what Lambda bills. */
  readonly seconds: number;
  readonly postponed: number;
  readonly writes: number;
  /** From its arrival until a job was done, the median of all, seconds. */
  readonly ageSeconds: number;
}

export type Demand = keyof typeof DEMANDS;

const HOUR_MS = 3_600_000;
/** Moments at which jobs arrive within the hour. */
const DEMANDS = {
  steady: (random: () => number) => arrivals(4, random),
  bursts: () => Array.from({ length: 12 * 1000 }, (_, job) => Math.floor(job / 1000) * 300_000),
  saturated: (random: () => number) => arrivals(7, random),
} as const;

/** Assumed: how long the table, the API and the rest of an invocation take. */
const [TABLE_MS, API_MS, REST_MS] = [10, 200, 20];
const START_MS = Date.UTC(2026, 0, 1);
const WARM_UP_MS = 120_000;

/** One hour of the reference worker on virtual time, its own code against an embedded table. */
export async function countWaiting(
  demand: Demand,
  { maxWaitMs, concurrency }: WaitingPolicy,
  spanMs = HOUR_MS,
): Promise<WaitingCount> {
  const { dynamodb, table, settled, stop } = await startTable();
  const time = createVirtualTime(START_MS, settled);
  // Whole milliseconds, as clocks have them.
  const clock = { ...virtualClock(time), now: () => Math.ceil(time.now()) };
  const { next: random } = createRandom(1);
  const count = { invocations: 0, ms: 0, postponed: 0, writes: 0 };
  const ages: number[] = [];

  await createTokenStore({ dynamodb, table }).replace(
    'mocha',
    accessToken('token', START_MS, START_MS + 10 * HOUR_MS),
    undefined,
  );
  dynamodb.middlewareStack.add(
    (next) => async (args) => {
      await clock.sleep(TABLE_MS);
      return next(args);
    },
    { step: 'initialize', priority: 'high', name: 'tableLatency' },
  );
  countRequests(dynamodb, (operation) => {
    if (isWrite(operation)) count.writes += 1;
  });

  const instances = Array.from({ length: concurrency }, () =>
    createWorkerFunction({
      dynamodb,
      table,
      budget: DEFAULT_BUDGET_SETTINGS,
      clock,
      telemetry: silentTelemetry,
      m2mClient: 'mocha',
      apiUrl: 'https://api.plume.example/',
      maxWaitMs,
      async fetch(url) {
        await clock.sleep(API_MS);
        ages.push(time.now() - Number(new URL(String(url)).searchParams.get('at')));
        return Response.json({});
      },
      askMinter: () => Promise.reject(new Error('there is a token')),
      queues: {
        sendResult: async () => true,
        async postpone(body, envelope, delaySeconds) {
          count.postponed += 1;
          jobs.send({ body, attributes: envelope }, 1000 * delaySeconds);
        },
        deadLetter: () => Promise.reject(new Error('no job can die in an hour')),
      },
    }),
  );
  const jobs = createVirtualQueue({
    time,
    async invoke(event) {
      const instance = instances.pop();
      if (instance === undefined) throw new Error('there are more invocations than instances');
      count.invocations += 1;
      const beganMs = time.now();
      await clock.sleep(REST_MS);
      try {
        return await instance(event);
      } finally {
        instances.push(instance);
        count.ms += time.now() - beganMs;
      }
    },
    batchSize: 10,
    concurrency,
    visibilityMs: 360_000,
    maxReceiveCount: 5,
  });
  const submit = (atMs: number): void => {
    const path = `/v1/locations?at=${atMs}`;
    jobs.send({ body: JSON.stringify({ method: 'GET', path }) }, atMs - time.now());
  };
  // The first job begins the counter, whose first silence is no matter of this comparison.
  submit(START_MS);
  const fromMs = START_MS + WARM_UP_MS;
  await time.run(fromMs);
  Object.assign(count, { invocations: 0, ms: 0, postponed: 0, writes: 0 });
  ages.length = 0;
  for (const atMs of DEMANDS[demand](random).filter((moment) => moment < spanMs)) submit(fromMs + atMs);
  await time.run(fromMs + spanMs);
  dynamodb.middlewareStack.remove('tableLatency');
  await stop();
  ages.sort((a, b) => a - b);
  return {
    done: ages.length,
    invocations: count.invocations,
    seconds: count.ms / 1000,
    postponed: count.postponed,
    writes: count.writes,
    ageSeconds: (ages[Math.floor(ages.length / 2)] ?? Number.NaN) / 1000,
  };
}

function arrivals(perSecond: number, random: () => number): number[] {
  const moments: number[] = [];
  for (let atMs = 0; atMs < HOUR_MS; atMs += (Math.log(1 / (1 - random())) * 1000) / perSecond)
    moments.push(atMs);
  return moments;
}
