import { parseArgs } from 'node:util';

import { DEFAULT_BUDGET_SETTINGS } from '../../lib/budget/settings.ts';
import { DEFAULT_TOKEN_SETTINGS } from '../../lib/token/settings.ts';
import type { LimiterName } from '../simulation/limiter.ts';
import { simulate } from '../simulation/simulation.ts';
import { countLogs, countMinter, countStack } from './cost-counts.ts';
import { countAllWaiting, JOB_LINE, lambdaPerCall, waitingReport } from './cost-waiting.ts';
import { dynamo, logBytes } from './dollars.ts';
import { countMetricHours } from './metric-hours.ts';
import { PRICES, PRICES_AS_OF } from './prices.ts';
import { type Bench, type BenchReport, targetNote } from './report.ts';

/**
 * What the broker costs a month, as it is billed: from requests, metric-hours, lines and waiting that are counted here, and
 * list prices. NAT gateways, if any, come on top.
 */

const MONTH_SECONDS = 30 * 86_400;
const MONTH_HOURS = MONTH_SECONDS / 3600;
/** Calls of one invocation. */
const BATCH = 10;
/** In the month with an outage. */
const BAD_HOURS = 6;
const TARGETS = { idle: 5, full: 8 };
const TICKS = MONTH_SECONDS / (DEFAULT_TOKEN_SETTINGS.tickMs / 1000);
/** Assumed, since it depends on the network: a tick, or a mint of one's own. */
const TICK_SECONDS = 0.5;
/** Tokens that live for half an hour are replaced about so often. */
const MINTS = MONTH_SECONDS / (27 * 60);
/** An instance that keeps its own token uses it to its last half minute. */
const OWN_MINTS = MONTH_SECONDS / (1800 - DEFAULT_TOKEN_SETTINGS.graceMs / 1000);
/** DynamoDB asks for the table's key anew after five minutes, for the minter and, if they call, for the workers. */
const KEY_REQUESTS = MONTH_SECONDS / 300;
/** Lambda's own two lines of an invocation, in bytes. */
const LAMBDA_LINES = 700;
/** Lambda polls a queue with five connections, each of which waits for 20 s. */
const IDLE_POLLS = 5 * (MONTH_SECONDS / 20);
/** A job is sent, its result is sent; ten are received and deleted together, from both queues. */
const SQS_REQUESTS = 2 + 4 / BATCH;

/** The rate of the simulation's steady demand, calls a second. Above it callers wait for each other. */
const STEADY = 4;
const { intervalMs } = DEFAULT_BUDGET_SETTINGS.worker;
/** As many as one address may make, calls a second, rounded up; and calls a month. */
const SATURATED = Math.ceil(10_000 / intervalMs) / 10;
const MOST_CALLS = Math.floor((MONTH_SECONDS * 1000) / intervalMs);

interface Options {
  readonly rate: number | undefined;
  readonly clients: number;
  readonly workers: number;
}

type Counts = Awaited<ReturnType<typeof count>>;

export const benchCost: Bench = {
  help: 'dollars a month from counted requests [--rate <calls a second>] [--clients 1] [--workers 10]',
  async run(args) {
    const options = parse(args);
    const counts = await count(options.workers);
    return [...broker(options, counts), waitingReport(counts.waiting), alternatives(options, counts)];
  },
};

async function count(workers: number) {
  const perCall = async (limiter: LimiterName): Promise<{ steady: number; saturated: number }> => {
    const run = { limiter, workers, seed: 1, durationMs: 3_600_000 };
    return {
      steady: (await simulate({ ...run, demand: 'steady' })).requestsPerCall,
      saturated: (await simulate({ ...run, demand: 'saturated' })).requestsPerCall,
    };
  };
  return {
    minter: await countMinter(),
    logs: await countLogs(),
    stack: countStack(),
    metrics: await countMetricHours(),
    waiting: await countAllWaiting(),
    tickets: await perCall('tickets'),
    fixedWindow: await perCall('fixed window'),
  };
}

function broker({ rate, clients, workers }: Options, counts: Counts): BenchReport[] {
  const columns = [0, ...(rate === undefined ? [STEADY, SATURATED] : [rate])];
  const parts = columns.map((perSecond) => monthOf(perSecond, clients, counts));
  const totals = parts.map(total);
  const [quiet, busy] = parts as [Month, Month];
  const { metrics } = counts;
  const hourly = PRICES.cloudwatch.metric / MONTH_HOURS;
  const apart = columns.map((perSecond) => apartOf(perSecond, counts));
  const dollars = (values: readonly number[]): string[] => values.map((value) => value.toFixed(2));
  const names = columns.map((perSecond) => (perSecond === 0 ? 'idle' : `${perSecond} calls a second`));
  const row = (what: string, values: readonly number[]): string[] => [what, ...dollars(values)];
  return [
    {
      title: `A month, US dollars at list prices of us-east-1 as of ${PRICES_AS_OF}, ${clients === 1 ? 'one client' : `${clients} clients`}`,
      columns: ['what', ...names],
      rows: [
        ...(Object.keys(quiet) as (keyof Month)[]).map((what) =>
          row(
            what,
            parts.map((part) => part[what]),
          ),
        ),
        row('**together**', totals),
        row(
          "with a key that AWS owns (`encryption: 'aws-owned'`)",
          parts.map((part) => total(part) - part['KMS key']),
        ),
        row(
          "more with `metrics: 'all'`",
          columns.map((perSecond) => {
            const kind = perSecond === 0 ? 'quiet' : 'busy';
            return PRICES.cloudwatch.metric * (metrics.all[kind] - metrics.alarmed[kind]);
          }),
        ),
        row(
          `more for ${BAD_HOURS} hours of an outage`,
          columns.map(() => BAD_HOURS * hourly * (metrics.alarmed.bad - metrics.alarmed.busy)),
        ),
        row(
          'another client',
          columns.map(() => clientDollars(counts)),
        ),
      ],
      notes: [
        targetNote(
          `at most ${TARGETS.idle} dollars idle`,
          total(quiet) <= TARGETS.idle,
          total(quiet).toFixed(2),
        ),
        ...(rate === undefined
          ? [
              targetNote(
                `at most ${TARGETS.full} dollars at ${SATURATED} calls a second`,
                (totals.at(-1) ?? 0) <= TARGETS.full,
                (totals.at(-1) ?? 0).toFixed(2),
              ),
            ]
          : []),
        `Metrics are counted by the hour in which they are sent, on virtual time: ${metrics.alarmed.quiet} while nothing calls, ${metrics.alarmed.busy} with calls, ${metrics.alarmed.bad} in an outage; with \`metrics: 'all'\` ${metrics.all.quiet}, ${metrics.all.busy} and ${metrics.all.bad}.`,
        `${counts.stack.alarms} metrics of alarms. Prices are before free tiers.${busy === undefined ? '' : ` Calls are those of ${workers} workers in batches of ${BATCH}.`}`,
      ],
    },
    {
      title: 'Beside that: what your functions and the reference worker cost a month',
      columns: ['what', ...names],
      rows: (Object.keys(apart[0] ?? {}) as (keyof Apart)[]).map((what) =>
        row(
          what,
          apart.map((part) => part[what]),
        ),
      ),
      notes: [
        `Queues, lines and traces are those of batches of ${BATCH}. The worker's time is what the table of waiting counted, and most of it is waiting.`,
      ],
    },
  ];
}

type Month = ReturnType<typeof monthOf>;
type Apart = ReturnType<typeof apartOf>;

/** What the broker costs while its callers make so many calls a second. */
function monthOf(perSecond: number, clients: number, counts: Counts) {
  const { minter, logs, stack, metrics, tickets } = counts;
  const { cloudwatch, kms } = PRICES;
  const calls = perSecond * MONTH_SECONDS;
  const mints = clients * MINTS;
  const isCalled = calls > 0;
  return {
    DynamoDB:
      dynamo(minter.tick, TICKS) +
      dynamo(minter.mint, mints) +
      dynamo({ reads: 0, writes: perCallAt(calls, tickets) }, calls),
    'Secrets Manager': clients * PRICES.secretsManager.secret + secretCalls(TICKS + mints),
    'KMS key': stack.keys * kms.key + ((isCalled ? 2 : 1) * KEY_REQUESTS * kms.tenThousandRequests) / 1e4,
    'metrics, sent by the hour': cloudwatch.metric * metrics.alarmed[isCalled ? 'busy' : 'quiet'],
    alarms:
      stack.alarms * cloudwatch.alarm +
      Math.max(0, stack.dashboards - cloudwatch.dashboardsFree) * cloudwatch.dashboard,
    logs: logBytes(TICKS * (logs.tick + LAMBDA_LINES) + calls * logs.call),
    "schedule, and the minter's traces":
      (TICKS * (PRICES.eventBridge.millionScheduled + PRICES.xray.millionTraces)) / 1e6,
  };
}

function total(month: Month): number {
  return sum(Object.values(month));
}

/** Of the functions that call, and of the reference worker, with batches of ten; and Lambda's time. */
function apartOf(perSecond: number, { stack, waiting }: Counts) {
  const calls = perSecond * MONTH_SECONDS;
  const demand = perSecond > STEADY ? 'saturated' : 'steady';
  const perCall = perSecond === 0 ? 0 : lambdaPerCall(waiting[demand].wait);
  return {
    "Lambda, the minter's time": lambda(TICKS, stack.minterGigabytes),
    "Lambda, the reference worker's time": calls * perCall,
    "the reference worker's queues": ((IDLE_POLLS + calls * SQS_REQUESTS) * PRICES.sqs.millionRequests) / 1e6,
    'its lines of the log (`logJobs: false` leaves most out)': logBytes(
      calls * (JOB_LINE + LAMBDA_LINES / BATCH),
    ),
    'its traces (`workerTraces: true`)': ((calls / BATCH) * PRICES.xray.millionTraces) / 1e6,
  };
}

function alternatives({ clients, workers }: Options, counts: Counts): BenchReport {
  const own = clients * ownTokenDollars(workers, counts);
  const months = [1e6, 1e7, MOST_CALLS].map(
    (calls) => [calls, monthOf(calls / MONTH_SECONDS, clients, counts)] as const,
  );
  const rows = months.map(([calls, month]) => [
    calls,
    ...[
      total(month),
      total(month) - month.alarms - month['metrics, sent by the hour'],
      own,
      own + dynamo({ reads: 0, writes: perCallAt(calls, counts.fixedWindow) }, calls),
      (calls * (PRICES.eventBridge.millionApiDestinationInvocations + PRICES.eventBridge.millionEvents)) /
        1e6,
    ].map((dollars) => dollars.toFixed(2)),
  ]);
  return {
    title: `Cost beside others, US dollars a month: ${clients === 1 ? 'one client' : `${clients} clients`}, ${workers} workers`,
    columns: [
      'calls a month',
      'broker',
      'without its metrics and alarms',
      'each mints, no budget',
      'each mints, RateLimiterDynamo',
      'EventBridge API destination',
    ],
    rows,
    notes: [
      `${thousands(MOST_CALLS)} calls are all that one address may make: ${Math.floor(DEFAULT_BUDGET_SETTINGS.windowMs / intervalMs)} in ${DEFAULT_BUDGET_SETTINGS.windowMs / 1000} s.`,
      `Each mints: ${workers} instances, each of which reads the secret with Powertools and asks for ${Math.round(OWN_MINTS)} tokens a month. Nothing keeps them below the limit.`,
      'RateLimiterDynamo adds a shared count, and lets twice the limit through where two of its windows meet (`npm run simulate`).',
      'An API destination keeps a token and a rate of its own, in whole calls a second; the caller never sees the response, and the calls leave from addresses of AWS. 1 dollar of the 1.20 is for the event, which is free if a service of AWS sends it.',
    ],
  };
}

/** Another client's secret and its mints. */
function clientDollars({ minter }: Counts): number {
  return PRICES.secretsManager.secret + dynamo(minter.mint, MINTS) + secretCalls(MINTS);
}

/** Every instance has its own token of a client: secret, reads of it, and the time in which it waits for an answer. */
function ownTokenDollars(workers: number, { stack }: Counts): number {
  const mints = workers * OWN_MINTS;
  const waiting = mints * TICK_SECONDS * stack.minterGigabytes * PRICES.lambda.gigabyteSecond;
  return PRICES.secretsManager.secret + secretCalls(mints) + waiting;
}

function perCallAt(calls: number, { steady, saturated }: { steady: number; saturated: number }): number {
  return calls / MONTH_SECONDS > STEADY ? saturated : steady;
}

function lambda(times: number, gigabytes: number): number {
  const { gigabyteSecond, millionInvocations } = PRICES.lambda;
  return times * (TICK_SECONDS * gigabytes * gigabyteSecond + millionInvocations / 1e6);
}

function secretCalls(times: number): number {
  return (times / 1e4) * PRICES.secretsManager.tenThousandCalls;
}

function thousands(value: number): string {
  return value.toLocaleString('en').replaceAll(',', ' ');
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function parse(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: { rate: { type: 'string' }, clients: { type: 'string' }, workers: { type: 'string' } },
  });
  const rate = values.rate === undefined ? undefined : Number(values.rate);
  const clients = Number(values.clients ?? 1);
  const workers = Number(values.workers ?? 10);
  if (rate !== undefined && !(rate >= 0 && rate <= SATURATED))
    throw new Error(`--rate must be from 0 to ${SATURATED}, what one address may make`);
  for (const [name, value] of Object.entries({ clients, workers }))
    if (!Number.isSafeInteger(value) || value < 1) throw new Error(`--${name} must be a whole number from 1`);
  return { rate, clients, workers };
}
