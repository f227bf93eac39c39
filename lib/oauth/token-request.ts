import * as oauth from 'oauth4webapi';

import type { Credentials } from '../credentials/credentials.ts';
import { OAuthError } from './errors.ts';
import { exchange, type OAuthDeps, partyOf, storedHeader } from './exchange.ts';
import { jwtExpiry } from './unix-seconds.ts';

/** A token as the authorization server grants it, with what it says of the token's life. */
export interface TokenGrant {
  /** Secret. Not enumerable, so that it stays out of logs and serialisations. */
  readonly accessToken: string;
  /** When the request was sent: `expiresInSeconds` counts from here, the safe side. */
  readonly requestedAtMs: number;
  readonly expiresInSeconds?: number;
  readonly jwtExpSeconds?: number;
  /** What the server states of the token's life in a way that cannot be read. */
  readonly unread: readonly ('expires_in' | 'exp')[];
  /** The granted scope, if the server names it: it does where that is not the one asked for (RFC 6749 section 5.1). */
  readonly scope?: string;
}

/**
 * Asks for an access token (client credentials, RFC 6749 section 4.4).
 *
 * Only `access_token` and `token_type` make a response invalid. `expires_in` and `exp` count as not stated if they cannot
 * be read; the other members are not needed and not judged.
 *
 * @throws {OAuthError}
 */
export async function requestToken(credentials: Credentials, deps: OAuthDeps): Promise<TokenGrant> {
  const { server, client } = partyOf(credentials);
  const parameters = new URLSearchParams({ scope: credentials.scope });
  const { response, requestedAtMs } = await exchange(credentials, 'token', deps, (options) =>
    oauth.clientCredentialsGrantRequest(server, client, storedHeader(credentials), parameters, options),
  );
  return processTokenResponse(credentials, response, requestedAtMs);
}

/**
 * Judges a response that holds JSON.
 *
 * @throws {OAuthError} `oauth_response_invalid`
 */
export async function processTokenResponse(
  credentials: Credentials,
  response: Response,
  requestedAtMs: number,
): Promise<TokenGrant> {
  const invalid = (reason: string): OAuthError =>
    new OAuthError(credentials.client, {
      endpoint: 'token',
      code: 'oauth_response_invalid',
      status: response.status,
      reason,
    });
  const { server, client } = partyOf(credentials);
  let stated: Stated;
  let body: oauth.TokenEndpointResponse;
  try {
    stated = statedBy((await response.json()) as Readonly<Record<string, unknown>>);
    body = await oauth.processClientCredentialsResponse(server, client, Response.json(stated.judged));
  } catch {
    // The library's error holds the response in clear.
    throw invalid('not a token response');
  }
  if (body.token_type !== 'bearer') throw invalid('not a bearer token');
  // RFC 6749 appendix A.12: visible characters; anything else could not be sent in a header.
  if (!/^[\x21-\x7e]+$/.test(body.access_token)) throw invalid('a token with illegal characters');

  const expiresInSeconds = lifetimeSeconds(stated.expiresIn);
  const { isStated, expSeconds } = jwtExpiry(body.access_token);
  const isUnread = {
    expires_in: stated.expiresIn !== undefined && expiresInSeconds === undefined,
    exp: isStated && expSeconds === undefined,
  };
  const grant: Omit<TokenGrant, 'accessToken'> = {
    requestedAtMs,
    ...(expiresInSeconds !== undefined && { expiresInSeconds }),
    ...(expSeconds !== undefined && { jwtExpSeconds: expSeconds }),
    unread: (['expires_in', 'exp'] as const).filter((source) => isUnread[source]),
    ...(stated.scope !== undefined && { scope: stated.scope }),
  };
  return Object.defineProperty(grant, 'accessToken', { value: body.access_token }) as TokenGrant;
}

/** The members of a token response that count. */
interface Stated {
  /** What the protocol library judges. */
  readonly judged: object;
  readonly expiresIn: unknown;
  readonly scope: string | undefined;
}

/** Servers leave members null, make a scope a list, add `refresh_token: null`: the protocol library would refuse that. */
function statedBy(body: Readonly<Record<string, unknown>>): Stated {
  const { access_token, token_type, expires_in, scope } = body;
  const isList = Array.isArray(scope) && scope.every((part) => typeof part === 'string');
  return {
    judged: { access_token, token_type },
    expiresIn: expires_in ?? undefined,
    scope: isList ? scope.join(' ') : typeof scope === 'string' ? scope : undefined,
  };
}

/** A number of seconds, or text that says one: `1800`, ` 1800 `, `1800s`. Zero or less is not a statement. */
function lifetimeSeconds(expiresIn: unknown): number | undefined {
  const text =
    typeof expiresIn === 'string' ? /^\s*(\d+(?:\.\d+)?)\s*s?\s*$/.exec(expiresIn)?.[1] : undefined;
  const seconds = text === undefined ? expiresIn : Number(text);
  return typeof seconds === 'number' && seconds > 0 && Number.isFinite(seconds) ? seconds : undefined;
}
