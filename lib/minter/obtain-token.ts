import type { Credentials } from '../credentials/credentials.ts';
import type { Secrets, StoredSecret } from '../credentials/secrets.ts';
import { isPlumeError, type PlumeError } from '../errors.ts';
import type { OAuthDeps } from '../oauth/exchange.ts';
import { type Introspection, introspect } from '../oauth/introspection-request.ts';
import { requestToken, type TokenGrant } from '../oauth/token-request.ts';
import type { Now } from '../platform/clock.ts';
import { errorFields } from '../telemetry/error-fields.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { type AccessToken, accessToken, isServable } from '../token/access-token.ts';
import type { TokenSettings } from '../token/settings.ts';
import type { ClientRecord } from './client-record.ts';
import { SecretOutdatedError, TokenExpiredOnArrivalError } from './errors.ts';
import { isRefusal } from './failure-policy.ts';
import type { MintTickets } from './mint-ticket.ts';
import { expiryOf } from './token-expiry.ts';

/** How one mint asks the authorization server. */
export interface Requests extends MintTickets {
  readonly fetch: typeof fetch;
  readonly now: Now;
  readonly settings: TokenSettings;
  readonly telemetry: Telemetry;
}

/** What came of asking for a token, and which version of the secret it was asked for with, if one was read. */
export type Obtained =
  | { readonly token: AccessToken; readonly versionId: string }
  | { readonly error: PlumeError; readonly versionId: string | undefined };

/**
 * Secret → token. One request; a second one only if the credentials are refused and the secret turns out to have changed
 * since it was read.
 */
export async function obtainToken(
  client: string,
  { record, secrets, requests }: { record: ClientRecord; secrets: Pick<Secrets, 'read'>; requests: Requests },
): Promise<Obtained> {
  const first = await obtainWith(() => secrets.read(client), client, record, requests);
  if ('token' in first || !isRefusal(first.error.code)) return first;
  const again = await secrets.read(client).catch(errorOf);
  if (isPlumeError(again)) return { error: again, versionId: first.versionId };
  return again.versionId === first.versionId
    ? first
    : obtainWith(async () => again, client, record, requests);
}

/**
 * The same with the previous version of the secret (AWSPREVIOUS), if that is the one that worked last.
 *
 * @returns undefined if there is none
 */
export async function obtainWithPreviousVersion(
  client: string,
  { record, secrets, requests }: { record: ClientRecord; secrets: Pick<Secrets, 'read'>; requests: Requests },
): Promise<Obtained | undefined> {
  const secret = await secrets.read(client, 'AWSPREVIOUS').catch(errorOf);
  if (isPlumeError(secret) || secret.versionId !== record.workedVersion) return undefined;
  const { versionId } = secret;
  try {
    return { versionId, token: await requestServableToken(secret.credentials(), requests) };
  } catch (error) {
    return { error: errorOf(error), versionId };
  }
}

async function obtainWith(
  read: () => Promise<StoredSecret>,
  client: string,
  record: ClientRecord,
  requests: Requests,
): Promise<Obtained> {
  let versionId: string | undefined;
  try {
    const secret = await read();
    if (isOutdated(secret, record)) throw new SecretOutdatedError(client);
    versionId = secret.versionId;
    return { versionId, token: await requestServableToken(secret.credentials(), requests) };
  } catch (error) {
    return { error: errorOf(error), versionId };
  }
}

/**
 * Reading a secret is eventually consistent. The list has shown another version since the last mint, so what was used
 * then is not it: to mint with it would be to miss the rotation.
 */
function isOutdated(
  { versionId }: StoredSecret,
  { wanted, listedVersion, usedVersion }: ClientRecord,
): boolean {
  return wanted && versionId === usedVersion && listedVersion !== undefined && versionId !== listedVersion;
}

/** This library's own errors are outcomes of a mint; any other error is a bug and is thrown. */
function errorOf(error: unknown): PlumeError {
  if (isPlumeError(error)) return error;
  throw error;
}

/**
 * A token with its earliest known expiry. If the grant does not state one, the minter asks introspection.
 *
 * @throws {TokenExpiredOnArrivalError} it could never be served
 * @throws {PlumeError} of the request or the call budget
 */
export async function requestServableToken(
  credentials: Credentials,
  requests: Requests,
): Promise<AccessToken> {
  const { now, settings, telemetry } = requests;
  const { client } = credentials;
  const grant = await requestToken(credentials, oauthDeps(requests, requests.attempt));
  const { accessToken: value, requestedAtMs, expiresInSeconds, jwtExpSeconds } = grant;
  reportOddities(telemetry, credentials, grant);
  const isStated = expiresInSeconds !== undefined || jwtExpSeconds !== undefined;
  const introspected = isStated ? undefined : await tryIntrospection(credentials, value, requests);
  const introspectedExpSeconds = introspected?.active ? introspected.expSeconds : undefined;

  const sources = { expiresInSeconds, jwtExpSeconds, introspectedExpSeconds };
  const { expiresAtMs, disagree, disagreementMs } = expiryOf(requestedAtMs, sources, settings);
  if (disagree) reportDisagreement(telemetry, client, disagreementMs);
  const token = accessToken(value, requestedAtMs, expiresAtMs);
  if (isServable(token, now(), settings)) return token;
  throw new TokenExpiredOnArrivalError(client, Math.round((expiresAtMs - now()) / 1000));
}

/** Logs oddities that do not stop a mint but that an operator should know. It logs no value: the server may repeat anything. */
function reportOddities(telemetry: Telemetry, { client, scope }: Credentials, grant: TokenGrant): void {
  if (grant.unread.length > 0) {
    telemetry.log('warn', "one source of a token's expiry could not be read and is ignored", {
      client,
      unread: grant.unread,
    });
  }
  if (grant.scope === undefined) return;
  const granted = new Set(grant.scope.split(' ').filter(Boolean));
  const asked = scope.split(' ');
  const missing = asked.filter((part) => !granted.has(part)).map((part) => part.split(':')[0]);
  const additional = granted.size - (asked.length - missing.length);
  if (missing.length + additional === 0) return;
  const message =
    "the authorization server granted another scope than the client's secret asks for; calls may be refused, ask Plume";
  telemetry.log('warn', message, { client, missing, additional });
}

/** What the authorization server says of a token, or undefined if it cannot be asked: no token is given up for that. */
export async function tryIntrospection(
  credentials: Credentials,
  token: string,
  requests: Requests,
): Promise<Introspection | undefined> {
  try {
    return await introspect(credentials, token, oauthDeps(requests, requests.check));
  } catch (error) {
    if (!isPlumeError(error)) throw error;
    requests.telemetry.log('warn', 'a token could not be introspected', {
      client: credentials.client,
      error: errorFields(error),
    });
    return undefined;
  }
}

export function reportDisagreement(telemetry: Telemetry, client: string, disagreementMs: number): void {
  telemetry.metric('ExpiryDisagreement', 1, { client });
  telemetry.log('warn', "the sources of a token's expiry disagree; the earliest is used", {
    client,
    seconds: Math.round(disagreementMs / 1000),
  });
}

function oauthDeps({ fetch, now, settings }: Requests, attempt: MintTickets['attempt']): OAuthDeps {
  return { fetch, now, timeoutMs: settings.requestTimeoutMs, attempt };
}
