import { ConfigError } from '../errors.ts';
import { checkClientName } from '../platform/client-name.ts';
import type { Session, WorkerBroker } from '../plume/broker.ts';
import { brokenRetryRule } from '../plume/retry-policy.ts';
import { checkIsWafBlock } from '../waf/waf-block.ts';
import { brokerFromEnvironment } from './from-environment.ts';
import type { PlumeOptions } from './options.ts';

/** What is needed of Lambda's context. */
export interface InvocationContext {
  /** Milliseconds until Lambda ends the invocation. */
  getRemainingTimeInMillis(): number;
}

/**
 * Opens the calls of one invocation; whoever opens them closes them.
 *
 * @param context without one, as in a script, only `maxWaitMs` bounds the waiting, and nothing ends but by itself
 * @throws {ConfigError} `calls` is no number of calls
 */
export type OpenSession = (calls: number, context?: InvocationContext) => Session;

/** Kept free for the end of the handler, which takes longer than nothing. */
const CLOSING_MS = 500;

/** @throws {ConfigError} the environment or the options cannot work */
export function createSessions(options: PlumeOptions): OpenSession {
  const { maxWaitMs = 30_000, marginMs = 2_000, isWafBlock, retry } = options;
  for (const [name, ms] of Object.entries({ maxWaitMs, marginMs })) {
    if (!(ms >= 0)) throw new ConfigError(`the option ${name} must be a number of milliseconds, 0 or more`);
  }
  const brokenRule = retry && brokenRetryRule(retry);
  if (brokenRule !== undefined) throw new ConfigError(`the option ${brokenRule}`);
  if (isWafBlock !== undefined) checkIsWafBlock(isWafBlock);
  const client = checkClientName(options.client);
  const broker = (options.broker ?? brokerFromEnvironment()) as WorkerBroker;

  return (calls, context) => {
    const remainingMs = (): number => context?.getRemainingTimeInMillis() ?? Number.POSITIVE_INFINITY;
    return broker.open({
      client,
      calls: checkCalls(calls),
      isWafBlock,
      retry,
      patienceMs: () => Math.min(maxWaitMs, remainingMs() - marginMs),
      endsInMs: remainingMs() - Math.min(CLOSING_MS, marginMs),
    });
  };
}

/** SQS, Kinesis, DynamoDB streams, SNS and S3 deliver `Records`; others an event that is one piece of work. */
export function recordsOf(event: unknown): number {
  const records =
    typeof event === 'object' && event !== null && 'Records' in event ? event.Records : undefined;
  return Array.isArray(records) ? records.length : 1;
}

function checkCalls(count: number): number {
  if (Number.isSafeInteger(count) && count >= 0) return Math.max(1, count);
  throw new ConfigError('the number of calls must be whole, 0 or more');
}
