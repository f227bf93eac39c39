import { type AccessToken, accessToken } from '../token/access-token.ts';
import type { TokenStore } from '../token/token-store.ts';
import { reportDisagreement, type Source, tryIntrospection } from './obtain-token.ts';

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
  { store, source }: { store: TokenStore; source: Source },
): Promise<AccessToken | 'revoked' | undefined> {
  const { credentials } = await source.secrets.read(client);
  const answer = await tryIntrospection(credentials, token.value, source);
  if (answer === undefined) return undefined;
  if (!answer.active) {
    source.telemetry.log('warn', 'the authorization server has revoked a token', {
      client,
      fingerprint: token.fingerprint,
    });
    return 'revoked';
  }
  const earlierMs = token.expiresAtMs - (answer.expSeconds ?? Number.POSITIVE_INFINITY) * 1000;
  if (earlierMs <= 0) return token;
  if (earlierMs > source.settings.graceMs) reportDisagreement(source.telemetry, client, earlierMs);
  const corrected = accessToken(token.value, token.issuedAtMs, token.expiresAtMs - earlierMs);
  await store.replace(client, corrected, token.fingerprint);
  return corrected;
}
