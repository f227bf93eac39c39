import type { Permit } from '../budget/ticket-book.ts';
import { errorReason } from '../platform/error-reason.ts';
import { oneRequest, type StopCode } from '../platform/one-request.ts';
import type { ApiRequest } from './api-request.ts';
import { ApiUnreachableError, InvocationOverError, RequestRefusedError } from './errors.ts';
import { guardBody } from './guard-body.ts';
import { expectSend } from './send-guard.ts';

export interface Sending {
  readonly client: string;
  readonly request: ApiRequest;
  readonly permit: Pick<Permit, 'isValid'>;
  /** The header that holds the token. */
  readonly authorization: string;
  readonly fetch: typeof fetch;
  /** How long the response's head may take. */
  readonly timeoutMs: number;
  /** Not aborted yet. Ends this attempt; its reason is what the caller gets. */
  readonly signal: AbortSignal;
}

/** What undici says of a request that it does not send. */
const REFUSED = ['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED'];

/** Nothing was sent, and another ticket is needed. */
export class NotSentError extends Error {
  override readonly name = 'NotSentError';
}

const TICKET_EXPIRED: StopCode = 'TICKET_EXPIRED';

/**
 * One HTTP attempt, begun in the caller's turn. Errors of `fetch` are translated and dropped: their causes can hold
 * the request's headers. The response's body fails with the same errors when the call ends while it is being read.
 *
 * @throws {ApiUnreachableError} no response in time
 * @throws {NotSentError} the ticket expired while the connection was made
 * @throws {RequestRefusedError} `fetch` does not accept the options
 */
export async function send(sending: Sending): Promise<Response> {
  const { client, request, permit, authorization, fetch, timeoutMs, signal } = sending;
  const expected = expectSend(authorization, permit.isValid);
  const ended = new AbortController();
  const unreachable = (reason: string) => new ApiUnreachableError(client, request, reason);
  const reason = () => (hasNoTime(signal) ? unreachable('invocation over') : signal.reason);
  const end = (): void => ended.abort(reason());
  signal.addEventListener('abort', end);
  /** Otherwise every call would stay referenced until the invocation ends. */
  const forget = (): void => {
    signal.removeEventListener('abort', end);
    expected.over();
  };
  const timer = setTimeout(() => ended.abort(unreachable('timeout')), timeoutMs);
  try {
    const response = await fetch(request.url, {
      ...request.init,
      ...oneRequest({ mayLeave: expected.mayLeave, onEnd: forget }, request.init),
      headers: { ...request.headers, authorization },
      signal: ended.signal,
    });
    return guardBody(response, { signal, reason });
  } catch (error) {
    forget();
    if (ended.signal.aborted) throw ended.signal.reason;
    const reason = errorReason(error instanceof TypeError ? error.cause : undefined);
    if (!(error instanceof TypeError) || error.cause === undefined || REFUSED.includes(reason)) {
      throw new RequestRefusedError(client, request, 'fetch does not accept its options');
    }
    throw reason === TICKET_EXPIRED ? new NotSentError(reason) : unreachable(reason);
  } finally {
    clearTimeout(timer);
  }
}

/** Then the call was sent, and whether it was acted on is not known: it is not as if it had never been made. */
function hasNoTime({ reason }: AbortSignal): boolean {
  return reason instanceof InvocationOverError;
}
