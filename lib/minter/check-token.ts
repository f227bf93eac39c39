import type { Secrets } from '../credentials/secrets.ts';
import { type AccessToken, accessToken } from '../token/access-token.ts';
import type { TokenStore } from '../token/token-store.ts';
import { type Requests, reportDisagreement, tryIntrospection } from './obtain-token.ts';

/**
 * Asks the authorization server about a token in service, before a worker finds out. An earlier expiry than known is
 * stored.
 *
 * @returns the token as it is now; 'revoked'; or undefined if there was no answer
 * @throws {PlumeError} of the secret or the store
 */
export async function checkToken(
  client: string,
  token: AccessToken,
  { store, secrets, requests }: { store: TokenStore; secrets: Pick<Secrets, 'read'>; requests: Requests },
): Promise<AccessToken | 'revoked' | undefined> {
  const { telemetry, settings } = requests;
  const secret = await secrets.read(client);
  const answer = await tryIntrospection(secret.credentials(), token.value, requests);
  if (answer === undefined) return undefined;
  if (!answer.active) {
    const { fingerprint } = token;
    telemetry.log('warn', 'the authorization server has revoked a token', { client, fingerprint });
    return 'revoked';
  }
  const earlierMs = token.expiresAtMs - (answer.expSeconds ?? Number.POSITIVE_INFINITY) * 1000;
  if (earlierMs <= 0) return token;
  if (earlierMs > settings.graceMs) reportDisagreement(telemetry, client, earlierMs);
  const corrected = accessToken(token.value, token.issuedAtMs, token.expiresAtMs - earlierMs);
  await store.replace(client, corrected, token.fingerprint);
  return corrected;
}
