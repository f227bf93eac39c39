import { parseArgs } from 'node:util';

import { DEFAULT_BUDGET_SETTINGS } from '../../lib/budget/settings.ts';
import { DEFAULT_TOKEN_SETTINGS } from '../../lib/token/settings.ts';
import type { LimiterName } from '../simulation/limiter.ts';
import { simulate } from '../simulation/simulation.ts';
import { countLogs, countMetrics, countMinter, countStack, type TableRequests } from './cost-counts.ts';
import { PRICES, PRICES_AS_OF } from './prices.ts';
import type { Bench, BenchReport } from './report.ts';

/**
 * What the broker costs a month, from requests that are counted here and list prices. The workers' own Lambda time and NAT
 * gateways, if any, come on top: they are those of the calls, not of the broker.
 */

const MONTH_SECONDS = 30 * 86_400;
const TICKS = MONTH_SECONDS / (DEFAULT_TOKEN_SETTINGS.tickMs / 1000);
/** Assumed, since it depends on the network: a tick, or a mint of one's own. */
const TICK_SECONDS = 0.5;
/** Tokens that live for half an hour are replaced about so often. */
const MINTS = MONTH_SECONDS / (27 * 60);
/** An instance that keeps its own token uses it to its last half minute. */
const OWN_MINTS = MONTH_SECONDS / (1800 - DEFAULT_TOKEN_SETTINGS.graceMs / 1000);
/** DynamoDB asks for the table's key anew after five minutes, for the minter and for the workers. */
const KEY_REQUESTS = 2 * (MONTH_SECONDS / 300);

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
    return [broker(options, counts), alternatives(options, counts)];
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
    metrics: countMetrics(),
    tickets: await perCall('tickets'),
    fixedWindow: await perCall('fixed window'),
  };
}

function broker({ rate, clients, workers }: Options, counts: Counts): BenchReport {
  const idle = idleDollars(counts);
  const base = sum(Object.values(idle));
  const client = clientDollars(counts);
  const callsAt = (perSecond: number): number => callDollars(perSecond * MONTH_SECONDS, counts);
  const rows: [string, number][] = [
    ...Object.entries(idle),
    ['**idle, together**', base],
    ...(rate === undefined ? [STEADY, SATURATED] : [rate]).map((perSecond): [string, number] => [
      `${perSecond} calls a second, DynamoDB and logs`,
      callsAt(perSecond),
    ]),
    ['another client', client],
  ];
  if (rate !== undefined) {
    const total = base + callsAt(rate) + (clients - 1) * client;
    rows.push([`**${rate} calls a second, ${clients} clients, ${workers} workers, together**`, total]);
  }
  return {
    title: `Cost, list prices of us-east-1 as of ${PRICES_AS_OF}`,
    columns: ['what', 'US dollars a month'],
    rows: rows.map(([what, dollars]) => [what, dollars.toFixed(2)]),
  };
}

function alternatives({ clients, workers }: Options, counts: Counts): BenchReport {
  const idle = idleDollars(counts);
  const monitoring = idle['metrics and alarms'];
  const fixed = sum(Object.values(idle)) + (clients - 1) * clientDollars(counts);
  const own = clients * ownTokenDollars(workers, counts);
  const rows = [1e6, 1e7, MOST_CALLS].map((calls) => [
    calls,
    ...[
      fixed + callDollars(calls, counts),
      fixed + callDollars(calls, counts) - monitoring,
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

/** What is there without a single call, with one client. */
function idleDollars({ minter, logs, stack, metrics }: Counts) {
  const { cloudwatch, kms } = PRICES;
  return {
    'DynamoDB, minter': dynamo(minter.tick, TICKS) + dynamo(minter.mint, MINTS),
    'Lambda, minter': lambda(TICKS, stack.minterGigabytes),
    'Secrets Manager, one client': PRICES.secretsManager.secret + secretCalls(TICKS + MINTS),
    'KMS key': stack.keys * kms.key + (KEY_REQUESTS / 1e4) * kms.tenThousandRequests,
    'metrics and alarms':
      metrics * cloudwatch.metric +
      stack.alarms * cloudwatch.alarm +
      Math.max(0, stack.dashboards - cloudwatch.dashboardsFree) * cloudwatch.dashboard,
    'logs, minter': logBytes(TICKS * logs.tick),
  };
}

/** Another client's secret and its mints. */
function clientDollars({ minter }: Counts): number {
  return PRICES.secretsManager.secret + dynamo(minter.mint, MINTS) + secretCalls(MINTS);
}

/** Tickets, and what workers write of the calls. */
function callDollars(calls: number, { tickets, logs }: Counts): number {
  return dynamo({ reads: 0, writes: perCallAt(calls, tickets) }, calls) + logBytes(calls * logs.call);
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

function dynamo({ reads, writes }: TableRequests, times: number): number {
  const { millionReads, millionWrites } = PRICES.dynamodb;
  return (times * (reads * millionReads + writes * millionWrites)) / 1e6;
}

function lambda(times: number, gigabytes: number): number {
  const { gigabyteSecond, millionInvocations } = PRICES.lambda;
  return times * (TICK_SECONDS * gigabytes * gigabyteSecond + millionInvocations / 1e6);
}

function secretCalls(times: number): number {
  return (times / 1e4) * PRICES.secretsManager.tenThousandCalls;
}

function logBytes(bytes: number): number {
  return (bytes / 2 ** 30) * PRICES.cloudwatch.gigabyteOfLogs;
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
