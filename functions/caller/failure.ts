import { isPlumeError } from '../../lib/errors.ts';

/**
 * An error as the caller of a function sees it. Lambda passes on its name and its message: the name is that of the class, by which
 * Step Functions know it, and the message is JSON with all that the error says, `retryAt` for a state machine's Wait among it.
 *
 * @param error whatever was thrown; an error that is not this library's is returned unchanged
 */
export function failureOf(error: unknown): unknown {
  if (!isPlumeError(error)) return error;
  const { retryAtMs } = error;
  const failure = new Error(
    JSON.stringify({ ...error.toJSON(), ...(retryAtMs !== undefined && { retryAtMs }) }),
  );
  failure.name = error.name;
  return failure;
}
