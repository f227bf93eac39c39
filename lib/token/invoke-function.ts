import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

import type { Now } from '../platform/clock.ts';
import { errorReason } from '../platform/error-reason.ts';

/**
 * Invokes a Lambda function and waits for its answer. One request, never repeated.
 *
 * @param name the function's name or ARN
 * @param event becomes JSON
 * @returns the parsed answer
 * @throws {Error} if Lambda cannot be reached, refuses, or the function failed; nothing of it holds the request
 */
export type InvokeFunction = (name: string, event: object, signal: AbortSignal) => Promise<unknown>;

/**
 * Lambda's Invoke API without its client, which would be a quarter of a worker's bundle for a call that most instances
 * never make. Region, credentials, signature and the clock's correction are those of the DynamoDB client.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
 */
export function createInvokeFunction({
  client: { config },
  endpoint,
  fetch,
  now,
}: {
  readonly client: DynamoDBClient;
  /** Lambda's URL, where it is not that of the region. */
  readonly endpoint: string | undefined;
  readonly fetch: typeof globalThis.fetch;
  readonly now: Now;
}): InvokeFunction {
  return async (name, event, signal) => {
    const path = `/2015-03-31/functions/${encodeURIComponent(name)}/invocations`;
    const { protocol, hostname, host, origin } = new URL(endpoint ?? (await regionalEndpoint(config)));
    const body = JSON.stringify(event);
    const signer = await config.signer();
    const { headers } = await signer.sign(
      {
        method: 'POST',
        protocol,
        hostname,
        path,
        query: {},
        headers: { host, 'content-type': 'application/json' },
        body,
      },
      { signingService: 'lambda', signingDate: new Date(now() + config.systemClockOffset) },
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
      throw new Error(`Lambda cannot be reached: ${errorReason((error as Error).cause)}`);
    });
    const failure = failureOf(response);
    if (failure === undefined) return await response.json();
    await response.body?.cancel();
    throw new Error(failure);
  };
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

function failureOf({ status, headers }: Response): string | undefined {
  if (status !== 200) {
    const name = headers.get('x-amzn-errortype')?.split(':')[0] ?? null;
    return `Lambda refused the invocation: ${status} ${errorReason({ name })}`;
  }
  return headers.has('x-amz-function-error') ? 'the function failed' : undefined;
}
