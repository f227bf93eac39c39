import * as oauth from 'oauth4webapi';

import type { Credentials } from '../credentials/credentials.ts';
import { OAuthError } from './errors.ts';
import { exchange, type OAuthDeps, partyOf, storedHeader } from './exchange.ts';
import { jwtExpSeconds } from './unix-seconds.ts';

/** A token as the authorization server grants it, with what it says of the token's life. */
export interface TokenGrant {
  /** Secret. Not enumerable, so that it stays out of logs and serialisations. */
  readonly accessToken: string;
  /** When the request was sent: `expiresInSeconds` counts from here, the safe side. */
  readonly requestedAtMs: number;
  readonly expiresInSeconds?: number;
  readonly jwtExpSeconds?: number;
  readonly scope?: string;
}

/**
 * Asks for an access token (client credentials, RFC 6749 section 4.4).
 *
 * `expires_in` may be a string or null; what is no number or negative makes the response invalid. An `exp` that cannot
 * be read counts as not stated.
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
 * Judges a response with status 200.
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
  const body = await withPlainExpiry(response)
    .then((plain) => oauth.processClientCredentialsResponse(server, client, plain))
    .catch(() => {
      // The library's error holds the response in clear.
      throw invalid('not a token response');
    });
  if (body.token_type !== 'bearer') throw invalid('not a bearer token');
  // RFC 6749 appendix A.12: visible characters; anything else could not be sent in a header.
  if (!/^[\x21-\x7e]+$/.test(body.access_token)) throw invalid('a token with illegal characters');

  const { expires_in: expiresIn } = body;
  const exp = jwtExpSeconds(body.access_token);
  const grant = {
    requestedAtMs,
    ...(expiresIn !== undefined && { expiresInSeconds: expiresIn }),
    ...(exp !== undefined && { jwtExpSeconds: exp }),
    ...(body.scope !== undefined && { scope: body.scope }),
  };
  return Object.defineProperty(grant, 'accessToken', { value: body.access_token }) as TokenGrant;
}

/**
 * Some servers leave `expires_in` null or make it a string. The protocol library takes the former for an error, and of
 * the latter whatever number it begins with.
 */
async function withPlainExpiry(response: Response): Promise<Response> {
  const body: unknown = await response.json();
  if (typeof body !== 'object' || body === null || !('expires_in' in body)) return Response.json(body);
  const { expires_in: expiresIn, ...rest } = body;
  if (expiresIn === undefined || expiresIn === null) return Response.json(rest);
  if (typeof expiresIn === 'number') return Response.json(body);
  if (typeof expiresIn !== 'string' || !/^\d+(\.\d+)?$/.test(expiresIn)) throw new TypeError('no number');
  return Response.json({ ...rest, expires_in: Number(expiresIn) });
}
