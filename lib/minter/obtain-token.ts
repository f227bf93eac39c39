import type { CallBudget } from '../budget/call-budget.ts';
import type { Credentials } from '../credentials/credentials.ts';
import type { Secrets } from '../credentials/secrets.ts';
import { isPlumeError } from '../errors.ts';
import type { OAuthDeps } from '../oauth/exchange.ts';
import { type Introspection, introspect } from '../oauth/introspection-request.ts';
import { requestToken, type TokenGrant } from '../oauth/token-request.ts';
import type { Now } from '../platform/clock.ts';
import { errorFields } from '../telemetry/error-fields.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { type AccessToken, accessToken, expiryOf, isServable } from '../token/access-token.ts';
import type { TokenSettings } from '../token/settings.ts';
import { TokenExpiredOnArrivalError } from './errors.ts';
import { remedyOf } from './failure-policy.ts';

/** What one mint talks to. */
export interface Source {
  readonly secrets: Pick<Secrets, 'read'>;
  readonly fetch: typeof fetch;
  readonly now: Now;
  readonly settings: TokenSettings;
  readonly telemetry: Telemetry;
  readonly budget: Pick<CallBudget, 'block'>;
  /** Sends a request with a ticket in hand. */
  readonly attempt: NonNullable<OAuthDeps['attempt']>;
  /** Hears which version of the secret a token is asked for with. */
  readonly onSecret: (versionId: string) => void;
}

/**
 * Secret → token, with the earliest of what is known of its expiry. If the grant says nothing of it, introspection is
 * asked.
 *
 * @throws {TokenExpiredOnArrivalError} it could never be served
 * @throws {PlumeError} of the secret, the request or the call budget
 */
export async function obtainToken(client: string, source: Source): Promise<AccessToken> {
  const { now, settings, telemetry } = source;
  const { credentials, grant } = await requestWithSecret(client, source);
  const { accessToken: value, requestedAtMs, expiresInSeconds, jwtExpSeconds } = grant;
  const isStated = expiresInSeconds !== undefined || jwtExpSeconds !== undefined;
  const introspected = isStated ? undefined : await tryIntrospection(credentials, value, source);
  const introspectedExpSeconds = introspected?.active ? introspected.expSeconds : undefined;

  const sources = { expiresInSeconds, jwtExpSeconds, introspectedExpSeconds };
  const { expiresAtMs, disagree, disagreementMs } = expiryOf(requestedAtMs, sources, settings);
  if (disagree) reportDisagreement(telemetry, client, disagreementMs);
  const token = accessToken(value, requestedAtMs, expiresAtMs);
  if (isServable(token, now(), settings)) return token;
  throw new TokenExpiredOnArrivalError(client, Math.round((expiresAtMs - now()) / 1000));
}

/** What the authorization server says of a token, or undefined if it cannot be asked: no token is given up for that. */
export async function tryIntrospection(
  credentials: Credentials,
  token: string,
  source: Source,
): Promise<Introspection | undefined> {
  try {
    return await introspect(credentials, token, oauthDeps(source));
  } catch (error) {
    if (!isPlumeError(error)) throw error;
    if (error.code === 'waf_blocked') await source.budget.block();
    source.telemetry.log('warn', 'a token could not be introspected', {
      client: credentials.client,
      error: errorFields(error),
    });
    return undefined;
  }
}

export function reportDisagreement(telemetry: Telemetry, client: string, disagreementMs: number): void {
  telemetry.metric('ExpiryDisagreement', 1, { client });
  telemetry.log('warn', "the sources of a token's expiry disagree; the earliest counts", {
    client,
    seconds: Math.round(disagreementMs / 1000),
  });
}

/** One request; a second one only if the secret turns out to have changed since it was read. */
async function requestWithSecret(
  client: string,
  source: Source,
): Promise<{ credentials: Credentials; grant: TokenGrant }> {
  const { secrets, onSecret } = source;
  const { credentials, versionId } = await secrets.read(client, onSecret);
  try {
    return { credentials, grant: await requestToken(credentials, oauthDeps(source)) };
  } catch (error) {
    if (!isPlumeError(error) || remedyOf(error.code) !== 'reread-secret') throw error;
    const again = await secrets.read(client, onSecret);
    if (again.versionId === versionId) throw error;
    return {
      credentials: again.credentials,
      grant: await requestToken(again.credentials, oauthDeps(source)),
    };
  }
}

function oauthDeps({ fetch, now, settings, attempt }: Source): OAuthDeps {
  return { fetch, now, timeoutMs: settings.requestTimeoutMs, attempt };
}
