import type { ApiRequest } from './api-request.ts';
import { ApiUnreachableError, RequestRefusedError } from './errors.ts';

export interface Sending {
  readonly client: string;
  readonly request: ApiRequest;
  readonly token: string;
  readonly fetch: typeof fetch;
  /** How long the response's head may take. */
  readonly timeoutMs: number;
  /** Aborts this attempt; its reason is what the caller gets. */
  readonly signal: AbortSignal;
}

/**
 * One HTTP attempt, begun in the caller's turn. Errors of `fetch` are translated and dropped: their causes can hold
 * the request's headers.
 *
 * @throws {ApiUnreachableError} no response
 * @throws {RequestRefusedError} `fetch` does not accept the options
 */
export async function send({ client, request, token, fetch, timeoutMs, signal }: Sending): Promise<Response> {
  const headers = new Headers(request.headers);
  headers.set('authorization', `Bearer ${token}`);
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    return await fetch(request.url, { ...request.init, headers, signal: AbortSignal.any([signal, timeout]) });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (timeout.aborted) throw new ApiUnreachableError(client, request, 'timeout');
    if (!(error instanceof TypeError) || error.cause === undefined) {
      throw new RequestRefusedError(client, 'its options are not those of fetch');
    }
    throw new ApiUnreachableError(client, request, networkReason(error.cause));
  }
}

/** The system's error code, which is a word such as `ECONNRESET`; anything else is not repeated. */
function networkReason(cause: unknown): string {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined;
  return typeof code === 'string' && /^[A-Z_]{1,40}$/.test(code) ? code : 'network error';
}
