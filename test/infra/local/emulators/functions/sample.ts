import { setTimeout as sleep } from 'node:timers/promises';

import { currentRequestId, currentTraceHeader } from '../../../../../lib/telemetry/invocation.ts';

/** A function for the tests of the local Lambda: does what its event says. */

let invocations = 0;

type SampleEvent = { readonly [Key in 'fail' | 'crash' | 'hang' | 'sleepMs' | 'print']?: unknown };

export async function handler(
  event: SampleEvent,
  context: { functionName: string; awsRequestId: string; getRemainingTimeInMillis(): number },
): Promise<unknown> {
  invocations += 1;
  if (event.print !== undefined) console.log(event.print);
  if (event.fail) throw new TypeError('told to fail');
  if (event.crash) process.exit(3);
  if (event.hang) await new Promise(() => setInterval(() => {}, 1000));
  if (event.sleepMs) await sleep(Number(event.sleepMs));
  return {
    event,
    invocations,
    variable: process.env.SAMPLE,
    functionName: context.functionName,
    awsRequestId: context.awsRequestId,
    requestIdOfLogs: currentRequestId(),
    traceId: currentTraceHeader(process.env),
    remainingMs: context.getRemainingTimeInMillis(),
  };
}
