import { parseArgs } from 'node:util';

import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

import { systemClock } from '../../lib/clock.ts';
import { rollingWindow } from '../simulation/rolling-window.ts';
import { startTable } from '../support/dynamodb.ts';
import { BENCH_SETTINGS, type Contender, libraryContender, ticketContender } from './contenders.ts';

const HELP = `npm run bench -- budget [--callers 1,10,20,100] [--seconds 20] [--horizon 8000] [--json]

Callers that always want another call, against one DynamoDB engine: the tickets of lib/budget, and RateLimiterDynamo of
rate-limiter-flexible. One call begins; all callers come when four fifths of a window have passed. The limit is
${BENCH_SETTINGS.limit} calls in any ${BENCH_SETTINGS.windowMs} ms. A caller that is refused sleeps until the moment it was told.
Tickets are handed out --horizon ms ahead; in the default's proportion that would be 3530.`;

interface BenchResult {
  readonly algorithm: string;
  readonly callers: number;
  readonly granted: number;
  /** Granted calls against what the algorithm's own rate allows in the time. */
  readonly shareOfRate: number;
  readonly requestsPerCall: number;
  readonly largestWindow: number;
  readonly limit: number;
}

export async function benchBudget(args: string[]): Promise<void> {
  const options = readOptions(args);
  const engine = await startTable();
  const results: BenchResult[] = [];
  try {
    for (const callers of options.callers) {
      for (const contender of [ticketContender, libraryContender]) {
        results.push(
          await measure(
            await contender({ ...engine, horizonMs: options.horizonMs }),
            engine.client,
            callers,
            options.seconds * 1000,
          ),
        );
      }
    }
  } finally {
    await engine.stop();
  }
  if (options.json) {
    for (const result of results) console.log(JSON.stringify(result));
  } else {
    console.log(formatTable(results));
  }
}

async function measure(
  contender: Contender,
  client: DynamoDBClient,
  callers: number,
  durationMs: number,
): Promise<BenchResult> {
  const callsMs: number[] = [];
  await contender.caller().run(systemClock.now(), () => callsMs.push(systemClock.now()));
  await systemClock.sleep(0.8 * BENCH_SETTINGS.windowMs);

  const counted = countRequests(client);
  const startMs = systemClock.now();
  const endMs = startMs + durationMs;
  await Promise.all(
    Array.from({ length: callers }, () =>
      contender.caller().run(endMs, () => callsMs.push(systemClock.now())),
    ),
  );
  const granted = callsMs.filter((atMs) => atMs >= startMs).length;
  const inTime = callsMs.filter((atMs) => atMs >= startMs && atMs < endMs).length;
  const { largest } = rollingWindow(callsMs, BENCH_SETTINGS.windowMs, BENCH_SETTINGS.limit);
  return {
    algorithm: contender.name,
    callers,
    granted,
    shareOfRate: inTime / (contender.callsPerMs * durationMs),
    requestsPerCall: counted.stop() / granted,
    largestWindow: largest,
    limit: BENCH_SETTINGS.limit,
  };
}

/** Every HTTP request of the client, repeated ones too. */
function countRequests(client: DynamoDBClient): { stop(): number } {
  let requests = 0;
  client.middlewareStack.add(
    (next) => (args) => {
      requests += 1;
      return next(args);
    },
    { step: 'deserialize', priority: 'low', name: 'countRequests' },
  );
  return {
    stop() {
      client.middlewareStack.remove('countRequests');
      return requests;
    },
  };
}

function formatTable(results: readonly BenchResult[]): string {
  const headings = [
    'algorithm',
    'callers',
    'granted',
    'of its rate',
    'requests per call',
    'largest window',
    'limit',
  ];
  const rows = results.map((result) => [
    result.algorithm,
    result.callers,
    result.granted,
    `${(100 * result.shareOfRate).toFixed(1)} %`,
    result.requestsPerCall.toFixed(3),
    result.largestWindow,
    result.limit,
  ]);
  return [headings, headings.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function readOptions(args: string[]): {
  callers: number[];
  seconds: number;
  horizonMs: number;
  json: boolean;
} {
  try {
    const { values } = parseArgs({
      args,
      options: {
        callers: { type: 'string', default: '1,10,20,100' },
        seconds: { type: 'string', default: '20' },
        horizon: { type: 'string', default: String(BENCH_SETTINGS.worker.horizonMs) },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      console.log(HELP);
      process.exit(0);
    }
    const callers = values.callers.split(',').map((text) => positive('callers', text));
    const seconds = positive('seconds', values.seconds);
    return { callers, seconds, horizonMs: positive('horizon', values.horizon), json: values.json };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${HELP}`);
    process.exit(2);
  }
}

function positive(flag: string, text: string): number {
  if (!/^[1-9]\d{0,4}$/.test(text))
    throw new Error(`--${flag} must be a positive whole number, not "${text}"`);
  return Number(text);
}
