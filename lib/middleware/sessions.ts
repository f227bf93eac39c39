import { isPriority, PRIORITY_RULE } from '../contract.ts';
import { ConfigError } from '../errors.ts';
import { checkClientName } from '../platform/client-name.ts';
import type { Session, WorkerBroker } from '../plume/broker.ts';
import { brokenRetryRule } from '../plume/retry-policy.ts';
import { checkIsWafBlock } from '../waf/is-waf-block.ts';
import { brokerFromEnvironment } from './from-environment.ts';
import type { PlumeOptions } from './options.ts';

/** What is needed of Lambda's context; a durable function's holds it as `lambdaContext`. */
export type InvocationContext = LimitedTime | { readonly lambdaContext: LimitedTime };

/** An invocation, which ends by itself. */
export interface LimitedTime {
  /** Milliseconds until Lambda ends the invocation. */
  getRemainingTimeInMillis(): number;
}

/**
 * Opens the calls of one invocation; the caller that opens them closes them.
 *
 * @param context without one, as in a script, only `maxWaitMs` bounds the waiting, and nothing ends but by itself
 * @throws {ConfigError} `calls` is not a number of calls, or `context` is not Lambda's
 */
export type OpenSession = (calls: number, context?: InvocationContext) => Session;

/** Kept free for the end of the handler, which takes longer than nothing. */
const CLOSING_MS = 500;
/** In a script, which no invocation ends. */
const MAX_WAIT_MS = 86_400_000;
/** As long as an invocation of Lambda. */
const MAX_MARGIN_MS = 900_000;

/** @throws {ConfigError} the environment or the options cannot work */
export function createSessions(options: PlumeOptions): OpenSession {
  if (typeof options !== 'object' || options === null)
    throw new ConfigError('the options must be an object with a client');
  const { maxWaitMs = 30_000, marginMs = 2_000, isWafBlock, retry, priority } = options;
  checkMilliseconds('maxWaitMs', maxWaitMs, MAX_WAIT_MS);
  checkMilliseconds('marginMs', marginMs, MAX_MARGIN_MS);
  const brokenRule = retry === undefined ? undefined : brokenRetryRule(retry);
  if (brokenRule !== undefined) throw new ConfigError(`the option ${brokenRule}`);
  if (priority !== undefined && !isPriority(priority))
    throw new ConfigError(`the option priority ${PRIORITY_RULE}`);
  if (isWafBlock !== undefined) checkIsWafBlock(isWafBlock);
  const client = checkClientName(options.client);
  const broker = (options.broker ?? brokerFromEnvironment()) as WorkerBroker;
  if (typeof broker.open !== 'function')
    throw new ConfigError('the option broker must be what createTestBroker returns');

  return (calls, context) => {
    const remainingMs = remainingTimeOf(context);
    return broker.open({
      client,
      calls: checkCalls(calls),
      isWafBlock,
      retry,
      priority,
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

function remainingTimeOf(context: InvocationContext | undefined): () => number {
  if (context === undefined) return () => Number.POSITIVE_INFINITY;
  const limited = (context as { readonly lambdaContext?: LimitedTime } | null)?.lambdaContext ?? context;
  if (typeof (limited as LimitedTime | null)?.getRemainingTimeInMillis !== 'function')
    throw new ConfigError(
      "the context must be Lambda's, with getRemainingTimeInMillis; in a script use createPlume and pass no context",
    );
  return () => (limited as LimitedTime).getRemainingTimeInMillis();
}

function checkMilliseconds(name: string, ms: number, maximum: number): void {
  if (typeof ms === 'number' && ms >= 0 && ms <= maximum) return;
  throw new ConfigError(`the option ${name} must be a number of milliseconds, 0 to ${maximum}`);
}

function checkCalls(count: number): number {
  if (Number.isSafeInteger(count) && count >= 0) return Math.max(1, count);
  throw new ConfigError('the number of calls must be whole, 0 or more');
}
