import * as oauth from 'oauth4webapi';
import type { Credentials } from '../credentials/credentials.ts';
import { isPlumeError } from '../errors.ts';
import type { Now } from '../platform/clock.ts';
import { errorReason } from '../platform/error-reason.ts';
import { oneRequest } from '../platform/one-request.ts';
import { type Answer, readAnswer } from './answer.ts';
import type { Endpoint } from './error-tables.ts';
import { OAuthError } from './errors.ts';
import { refusalOf } from './refusal.ts';

export interface OAuthDeps {
  readonly fetch: typeof fetch;
  readonly now: Now;
  /** How long the exchange may take from the moment it is sent to the end of the body. */
  readonly timeoutMs: number;
  /**
   * Calls `send` when the request may leave, such as with a ticket in hand; the time-out and the token's life
   * are counted from there. `mayLeave` is looked at once more at the wire. What it throws of this library's errors passes
   * unchanged. Sends at once if absent.
   */
  readonly attempt?:
    | ((send: (mayLeave?: () => boolean) => Promise<Response>) => Promise<Response>)
    | undefined;
}

/** The server and the client, as the protocol library takes them: no discovery is needed. */
export interface Party {
  readonly server: oauth.AuthorizationServer;
  readonly client: oauth.Client;
}

export function partyOf({ clientId, tokenUrl, introspectUrl }: Credentials): Party {
  return {
    server: {
      issuer: new URL(tokenUrl).origin,
      token_endpoint: tokenUrl,
      introspection_endpoint: introspectUrl,
    },
    client: { client_id: clientId },
  };
}

/** Sends the stored header byte for byte: the library's own encoding is not what real servers compare with. */
export function storedHeader({ authorization }: Credentials): oauth.ClientAuth {
  return (_server, _client, _body, headers) => headers.set('authorization', authorization);
}

/** What the request functions of the protocol library take: plain http, which parsing allows only for loopback. */
export interface SendOptions {
  readonly [oauth.customFetch]: (url: string, init: RequestInit) => Promise<Response>;
  readonly [oauth.allowInsecureRequests]: true;
}

/**
 * One request and its answer: a JSON body with status 2xx, everything else is thrown.
 *
 * @returns the answer as a response for the protocol library to judge, and when the request was sent
 * @throws {OAuthError}
 */
export async function exchange(
  { client }: Credentials,
  endpoint: Endpoint,
  deps: OAuthDeps,
  request: (options: SendOptions) => Promise<Response>,
): Promise<{ readonly response: Response; readonly requestedAtMs: number }> {
  const { attempt = (send) => send() } = deps;
  let requestedAtMs = 0;
  let answer: Answer;
  try {
    const response = await request({
      [oauth.allowInsecureRequests]: true,
      [oauth.customFetch]: (url, init) =>
        attempt((mayLeave) => {
          requestedAtMs = deps.now();
          const signal = AbortSignal.timeout(deps.timeoutMs);
          return deps.fetch(url, { ...init, ...oneRequest({ mayLeave }), signal });
        }),
    });
    answer = await readAnswer(response, deps.now());
  } catch (error) {
    if (isPlumeError(error)) throw error;
    throw new OAuthError(client, { endpoint, code: 'oauth_unavailable', reason: reasonOf(error) });
  }
  const refusal = refusalOf(client, endpoint, answer);
  if (refusal !== undefined) throw refusal;
  const headers = { 'content-type': 'application/json' };
  return { response: new Response(answer.body ?? '', { headers }), requestedAtMs };
}

/** `fetch` says "failed", and its cause says why. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return errorReason(error);
  return error.name === 'TimeoutError' ? 'timeout' : errorReason(error.cause ?? error);
}
