import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';

import type { Deployment } from './deployment.ts';

/** The function answered with an error. The message is the function's own. */
export class FunctionFailedError extends Error {
  override readonly name = 'FunctionFailedError';
}

/**
 * Invokes a function of the broker and waits for its answer.
 *
 * @throws {FunctionFailedError} with the function's message
 */
export async function invoke(deployment: Deployment, functionName: string, event: object): Promise<unknown> {
  const lambda = new LambdaClient(deployment.lambda);
  try {
    const { Payload, FunctionError } = await lambda.send(
      new InvokeCommand({ FunctionName: functionName, Payload: JSON.stringify(event) }),
    );
    const answer: unknown = JSON.parse(Payload?.transformToString() || 'null');
    if (FunctionError === undefined) return answer;
    const { errorType, errorMessage } = (answer ?? {}) as Readonly<Record<string, string | undefined>>;
    throw new FunctionFailedError(
      `${functionName}: ${errorType ?? FunctionError}: ${errorMessage ?? 'no message'}`,
    );
  } finally {
    lambda.destroy();
  }
}
