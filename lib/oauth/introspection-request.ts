import * as oauth from 'oauth4webapi';

import type { Credentials } from '../credentials/credentials.ts';
import { OAuthError } from './errors.ts';
import { exchange, type OAuthDeps, partyOf, storedHeader } from './exchange.ts';
import { unixSeconds } from './unix-seconds.ts';

/** What the authorization server says of a token (RFC 7662 section 2.2). Moments are Unix seconds. */
export type Introspection =
  | { readonly active: false }
  | {
      readonly active: true;
      readonly expSeconds?: number;
      readonly scope?: string;
    };

/**
 * Asks whether a token is active, and until when.
 *
 * @throws {OAuthError}
 */
export async function introspect(
  credentials: Credentials,
  token: string,
  deps: OAuthDeps,
): Promise<Introspection> {
  const { server, client } = partyOf(credentials);
  const { response } = await exchange(credentials, 'introspection', deps, (options) =>
    oauth.introspectionRequest(server, client, storedHeader(credentials), token, {
      ...options,
      additionalParameters: { token_type_hint: 'access_token' },
    }),
  );
  return processIntrospectionResponse(credentials, response);
}

/**
 * Judges a response that holds JSON. Claims of the wrong type count as not stated.
 *
 * @throws {OAuthError} `oauth_response_invalid`
 */
export async function processIntrospectionResponse(
  credentials: Credentials,
  response: Response,
): Promise<Introspection> {
  const { server, client } = partyOf(credentials);
  const body = await oauth.processIntrospectionResponse(server, client, response).catch(() => {
    // The library's error holds the response in clear.
    throw new OAuthError(credentials.client, {
      endpoint: 'introspection',
      code: 'oauth_response_invalid',
      status: response.status,
      reason: 'not an introspection response',
    });
  });
  if (!body.active) return { active: false };
  const { scope } = body;
  const expSeconds = unixSeconds(body.exp);
  return {
    active: true,
    ...(expSeconds !== undefined && { expSeconds }),
    ...(typeof scope === 'string' && { scope }),
  };
}
