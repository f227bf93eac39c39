import { parseArgs } from 'node:util';

import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

import { systemClock } from '../../lib/platform/clock.ts';
import { startTable } from '../fixtures/table.ts';
import { rollingWindow } from '../simulation/rolling-window.ts';
import { BENCH_SETTINGS, type Contender, libraryContender, ticketContender } from './contenders.ts';
import { countRequests } from './count-requests.ts';
import { positive, positives } from './options.ts';
import type { Bench } from './report.ts';

interface BenchResult {
  readonly algorithm: string;
  readonly callers: number;
  readonly granted: number;
  /** Granted calls against what the algorithm's own rate allows in the time. */
  readonly shareOfRate: number;
  readonly requestsPerCall: number;
  readonly largestWindow: number;
}

/**
 * Callers that always want another call, against one DynamoDB engine: the tickets of lib/budget, and RateLimiterDynamo
 * of rate-limiter-flexible. One call begins; all callers come when four fifths of a window have passed. A caller that is
 * refused sleeps until the moment it was told. In the default's proportion the horizon would be 3530 ms.
 */
export const benchBudget: Bench = {
  help: `tickets against RateLimiterDynamo [--callers 1,10,20,100] [--seconds 20] [--horizon ${BENCH_SETTINGS.worker.horizonMs}]`,
  async run(args) {
    const { callers: counts, seconds, horizonMs } = readOptions(args);
    const engine = await startTable();
    const results: BenchResult[] = [];
    try {
      for (const callers of counts) {
        for (const contender of [ticketContender, libraryContender]) {
          const ready = await contender({ ...engine, horizonMs });
          results.push(await measure(ready, engine.dynamodb, callers, seconds * 1000));
        }
      }
    } finally {
      await engine.stop();
    }
    return [
      {
        title: `Budget: callers that always want another call, limit ${BENCH_SETTINGS.limit} in ${BENCH_SETTINGS.windowMs / 1000} s`,
        columns: ['algorithm', 'callers', 'granted', 'of its rate', 'requests per call', 'largest window'],
        rows: results.map((result) => [
          result.algorithm,
          result.callers,
          result.granted,
          `${(100 * result.shareOfRate).toFixed(1)} %`,
          result.requestsPerCall.toFixed(3),
          result.largestWindow,
        ]),
      },
    ];
  },
};

async function measure(
  contender: Contender,
  dynamodb: DynamoDBClient,
  callers: number,
  durationMs: number,
): Promise<BenchResult> {
  const callsMs: number[] = [];
  await contender.caller().run(systemClock.now(), () => callsMs.push(systemClock.now()));
  await systemClock.sleep(0.8 * BENCH_SETTINGS.windowMs);

  let requests = 0;
  const stopCounting = countRequests(dynamodb, () => {
    requests += 1;
  });
  const startMs = systemClock.now();
  const endMs = startMs + durationMs;
  await Promise.all(
    Array.from({ length: callers }, () =>
      contender.caller().run(endMs, () => callsMs.push(systemClock.now())),
    ),
  );
  stopCounting();
  const granted = callsMs.filter((atMs) => atMs >= startMs).length;
  const inTime = callsMs.filter((atMs) => atMs >= startMs && atMs < endMs).length;
  const { largest } = rollingWindow(callsMs, BENCH_SETTINGS.windowMs, BENCH_SETTINGS.limit);
  return {
    algorithm: contender.name,
    callers,
    granted,
    shareOfRate: inTime / (contender.callsPerMs * durationMs),
    requestsPerCall: requests / granted,
    largestWindow: largest,
  };
}

function readOptions(args: readonly string[]): { callers: number[]; seconds: number; horizonMs: number } {
  const { values } = parseArgs({
    args: [...args],
    options: {
      callers: { type: 'string', default: '1,10,20,100' },
      seconds: { type: 'string', default: '20' },
      horizon: { type: 'string', default: String(BENCH_SETTINGS.worker.horizonMs) },
    },
  });
  return {
    callers: positives('callers', values.callers),
    seconds: positive('seconds', values.seconds),
    horizonMs: positive('horizon', values.horizon),
  };
}
