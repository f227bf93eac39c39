import { authenticateClient } from './client-authentication.ts';
import type { CloudClient } from './clients.ts';
import type { OAuthForm } from './oauth-form.ts';
import { OAuthRefusalError } from './oauth-refusal.ts';
import type { TokenIssuer } from './token-issuer.ts';

/**
 * Answers `POST /v1/introspect` (RFC 7662). A token of another client is inactive to this one.
 *
 * @throws {OAuthRefusalError} by the vendor's table
 */
export async function answerIntrospection(
  form: OAuthForm,
  clients: readonly CloudClient[],
  issuer: TokenIssuer,
): Promise<{ client: string; body: Record<string, unknown> }> {
  const client = authenticateClient(form, clients);
  const value = form.parameters.get('token');
  if (!value) throw new OAuthRefusalError('invalid_request', "The request is missing 'token'.");
  const verdict = await issuer.verify(value);
  if (!verdict.ok || verdict.client !== client.name) return { client: client.name, body: { active: false } };
  const { scp, exp, iat, sub, aud, iss, jti } = verdict.claims;
  return {
    client: client.name,
    body: {
      active: true,
      scope: (scp as string[]).join(' '),
      exp,
      iat,
      sub,
      aud,
      iss,
      jti,
      token_type: 'Bearer',
      client_id: client.clientId,
    },
  };
}
