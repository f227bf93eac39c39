import { isPlumeError } from '../errors.ts';
import type { Clock } from '../platform/clock.ts';
import { errorReason } from '../platform/error-reason.ts';
import { retryAfterMs } from '../platform/retry-after.ts';
import type { ApiRequest } from './api-request.ts';
import type { Answer } from './call-api.ts';
import { ApiError, ApiUnreachableError } from './errors.ts';

/** A call that has its answer, whose body is still to be read. */
export interface AnsweredCall {
  readonly client: string;
  readonly request: ApiRequest;
  /** Ends the reading too. */
  readonly signal: AbortSignal;
  readonly answer: Answer;
}

/**
 * @returns the answer's body, undefined if it is empty
 * @throws {ApiError} the status is not a success, or the body is not JSON
 * @throws {ApiUnreachableError} the connection broke before the body's end
 */
export async function readJson(
  { client, request, signal, answer: { response, requestId } }: AnsweredCall,
  clock: Clock,
): Promise<unknown> {
  const { status, ok, headers } = response;
  const apiError = (retryAtMs?: number) =>
    new ApiError(client, request, { status, requestId: requestId(), retryAtMs });
  if (!ok) {
    await response.body?.cancel();
    const nowMs = clock.now();
    const waitMs = retryAfterMs(headers.get('retry-after'), nowMs);
    throw apiError(waitMs === undefined ? undefined : nowMs + waitMs);
  }
  const text = await response.text().catch((error: unknown) => {
    if (isPlumeError(error)) throw error;
    signal.throwIfAborted();
    // The platform's own error can hold the response.
    throw new ApiUnreachableError(client, request, errorReason(error instanceof Error ? error.cause : error));
  });
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw apiError();
  }
}
