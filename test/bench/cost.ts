import { parseArgs } from 'node:util';

import { METRICS } from '../../lib/contract.ts';
import { simulate } from '../simulation/simulation.ts';
import { startTable } from '../support/dynamodb.ts';
import { createWorld } from '../token/minter-world.ts';
import type { Bench, BenchReport } from './report.ts';

/**
 * `npm run bench -- cost`: what the broker costs a month, from requests that are counted here and list prices. The workers'
 * own Lambda time and NAT gateways, if any, come on top: they are those of the calls, not of the broker.
 */

/** US dollars, us-east-1, as listed in 2025; free tiers left out. */
const PRICE = {
  millionWrites: 0.625,
  millionReads: 0.125,
  gigabyteSecond: 0.0000133334,
  millionInvocations: 0.2,
  secret: 0.4,
  tenThousandSecretCalls: 0.05,
  key: 1,
  metric: 0.3,
  alarm: 0.1,
};

const MONTH_SECONDS = 30 * 86_400;
const TICKS = MONTH_SECONDS / 60;
/** Assumed, since it depends on the network: a tick and a mint, with 512 MB. */
const TICK_SECONDS = 0.5;
const GIGABYTES = 0.5;
const ALARMS = 9;
/** Tokens that live for half an hour are replaced about so often. */
const MINTS = MONTH_SECONDS / (27 * 60);

interface Counted {
  readonly reads: number;
  readonly writes: number;
}

/** The rate of the simulation's steady demand, calls a second. Above it callers wait for each other. */
const STEADY = 4;
/** As many as one address may make, calls a second. */
const SATURATED = 5.9;

export const benchCost: Bench = {
  help: 'dollars a month from counted requests [--rate <calls a second>] [--clients 1] [--workers 10]',
  run: async (args) => [await cost(args)],
};

async function cost(args: readonly string[]): Promise<BenchReport> {
  const { rate, clients, workers } = parse(args);
  const { tick, mint } = await countMinter();
  const perCall = async (demand: 'steady' | 'saturated'): Promise<number> => {
    const run = { limiter: 'tickets', demand, workers, seed: 1, durationMs: 3_600_000 } as const;
    return (await simulate(run)).requestsPerCall;
  };
  const callsAt = async (perSecond: number): Promise<[string, number]> => [
    `${perSecond} calls a second, DynamoDB`,
    calls(perSecond, await perCall(perSecond > STEADY ? 'saturated' : 'steady')),
  ];
  const client = PRICE.secret + dynamo(mint, MINTS) + (MINTS / 1e4) * PRICE.tenThousandSecretCalls;
  const idle = {
    'DynamoDB, minter': dynamo(tick, TICKS) + dynamo(mint, MINTS),
    'Lambda, minter':
      TICKS * (TICK_SECONDS * GIGABYTES * PRICE.gigabyteSecond + PRICE.millionInvocations / 1e6),
    'Secrets Manager, one client': PRICE.secret + ((TICKS + MINTS) / 1e4) * PRICE.tenThousandSecretCalls,
    'KMS key': PRICE.key,
    'metrics and alarms': countMetrics() * PRICE.metric + ALARMS * PRICE.alarm,
  };
  const base = sum(Object.values(idle));
  const rows: [string, number][] = [
    ...Object.entries(idle),
    ['**idle, together**', base],
    ...(rate === undefined ? [await callsAt(STEADY), await callsAt(SATURATED)] : [await callsAt(rate)]),
    ['another client', client],
  ];
  if (rate !== undefined) {
    const total = base + (await callsAt(rate))[1] + (clients - 1) * client;
    rows.push([`**${rate} calls a second, ${clients} clients, ${workers} workers, together**`, total]);
  }
  return {
    title: 'Cost, list prices of us-east-1 as of 2025',
    columns: ['what', 'US dollars a month'],
    rows: rows.map(([what, dollars]) => [what, dollars.toFixed(2)]),
  };
}

function parse(args: readonly string[]): { rate: number | undefined; clients: number; workers: number } {
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

/** The table's requests of a tick with nothing to do, and of a mint beyond that, its ticket among them. */
async function countMinter(): Promise<{ tick: Counted; mint: Counted }> {
  const engine = await startTable();
  const counted = { reads: 0, writes: 0 };
  engine.client.middlewareStack.add(
    (next, context) => (args) => {
      const isRead = /^(GetItem|Query)/.test(context.commandName ?? '');
      counted[isRead ? 'reads' : 'writes'] += 1;
      return next(args);
    },
    { step: 'initialize', name: 'countKinds' },
  );
  const count = async (act: () => Promise<unknown>): Promise<Counted> => {
    Object.assign(counted, { reads: 0, writes: 0 });
    await act();
    return { ...counted };
  };
  const world = createWorld(engine);
  world.secrets.put('mocha');
  await world.tick();
  world.clock.advance(15 * 60_000);
  const tick = await count(() => world.tick());
  world.clock.advance(13 * 60_000);
  const minting = await count(() => world.tick());
  await engine.stop();
  return {
    tick,
    mint: { reads: minting.reads - tick.reads, writes: minting.writes - tick.writes + 1 },
  };
}

/** As CloudWatch counts them: every combination of dimensions that occurs with one budget. */
function countMetrics(): number {
  const values: Readonly<Record<string, number>> = { source: 3, stream: 2, budget: 1 };
  return sum(
    Object.values(METRICS).map(({ dimensions }) =>
      dimensions.reduce((product: number, dimension) => product * (values[dimension] ?? 1), 1),
    ),
  );
}

function dynamo({ reads, writes }: Counted, times: number): number {
  return (times * (reads * PRICE.millionReads + writes * PRICE.millionWrites)) / 1e6;
}

function calls(perSecond: number, writesPerCall: number): number {
  return dynamo({ reads: 0, writes: writesPerCall }, perSecond * MONTH_SECONDS);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
