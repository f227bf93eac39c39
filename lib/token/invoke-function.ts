import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

import type { Clock } from '../platform/clock.ts';
import { errorReason } from '../platform/error-reason.ts';

/**
 * Invokes a Lambda function and waits for its answer. What passes by itself (429, 5xx, a lost connection) is tried once more.
 *
 * @param name the function's name or ARN, with or without a qualifier
 * @param event becomes JSON
 * @returns the parsed answer
 * @throws {Error} if Lambda cannot be reached, refuses, or the function failed; nothing of it holds the request
 */
export type InvokeFunction = (name: string, event: object, signal: AbortSignal) => Promise<unknown>;

export interface InvokeFunctionDependencies {
  /** Whose region, credentials, signature and clock correction are used. */
  readonly dynamodb: DynamoDBClient;
  /** Lambda's URL, where it is not that of the region; its path comes before that of the API. */
  readonly endpoint: string | undefined;
  readonly fetch: typeof globalThis.fetch;
  readonly clock: Clock;
  /** How long after the beginning, in ms, the second attempt may begin. */
  readonly repeatWithinMs: number;
  /** The trace of the current invocation, to which that of the invoked function belongs. */
  readonly traceId: () => string | undefined;
  /** In [0, 1). */
  readonly random: () => number;
}

/** The wait before the second attempt: this long, and up to as much again. */
const REPEAT_AFTER_MS = 100;

/**
 * Lambda's Invoke API without its client, which would be a quarter of a worker's bundle for a call that most instances
 * never make.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
 */
export function createInvokeFunction(dependencies: InvokeFunctionDependencies): InvokeFunction {
  const { clock, repeatWithinMs, random } = dependencies;
  return async (name, event, signal) => {
    const startedMs = clock.now();
    try {
      return await invokeOnce(dependencies, name, event, signal);
    } catch (error) {
      const waitMs = REPEAT_AFTER_MS * (1 + random());
      const isInTime = clock.now() + waitMs <= startedMs + repeatWithinMs;
      if (!(error instanceof PassingError && isInTime)) throw error;
      await clock.sleep(waitMs, signal);
      return await invokeOnce(dependencies, name, event, signal);
    }
  };
}

async function invokeOnce(
  { dynamodb: { config }, endpoint, fetch, clock, traceId }: InvokeFunctionDependencies,
  name: string,
  event: object,
  signal: AbortSignal,
): Promise<unknown> {
  const { protocol, hostname, host, origin, pathname } = new URL(
    endpoint ?? (await regionalEndpoint(config)),
  );
  const path = `${pathname.replace(/\/$/, '')}/2015-03-31/functions/${encodeURIComponent(name)}/invocations`;
  const body = JSON.stringify(event);
  const trace = traceId();
  const signer = await config.signer();
  const { headers } = await signer.sign(
    {
      method: 'POST',
      protocol,
      hostname,
      path,
      query: {},
      headers: {
        host,
        'content-type': 'application/json',
        // Services on the way may change it, so it is not signed.
        ...(trace !== undefined && { 'x-amzn-trace-id': trace }),
      },
      body,
    },
    { signingService: 'lambda', signingDate: new Date(clock.now() + config.systemClockOffset) },
  );
  const response = await fetch(`${origin}${path}`, {
    method: 'POST',
    headers,
    body,
    redirect: 'manual',
    signal,
  }).catch((error: unknown) => {
    signal.throwIfAborted();
    // Its own cause can hold the headers.
    throw new PassingError(`Lambda cannot be reached: ${errorReason((error as Error).cause)}`);
  });
  const failure = failureOf(response);
  if (failure === undefined) return await response.json();
  await response.body?.cancel();
  throw failure;
}

/** Lambda itself failed, and may not do so again. */
class PassingError extends Error {
  override readonly name = 'PassingError';
}

/** In every partition it is named as DynamoDB's is. */
async function regionalEndpoint(config: DynamoDBClient['config']): Promise<string> {
  const { url } = config.endpointProvider({
    Region: await config.region(),
    UseDualStack: await config.useDualstackEndpoint(),
  });
  const service = (await config.useFipsEndpoint()) ? 'lambda-fips' : 'lambda';
  return url.href.replace('//dynamodb.', `//${service}.`);
}

function failureOf({ status, headers }: Response): Error | undefined {
  if (status === 200)
    return headers.has('x-amz-function-error') ? new Error('the function failed') : undefined;
  const name = headers.get('x-amzn-errortype')?.split(':')[0] ?? null;
  const message = `Lambda refused the invocation: ${status} ${errorReason({ name })}`;
  return status === 429 || status >= 500 ? new PassingError(message) : new Error(message);
}
