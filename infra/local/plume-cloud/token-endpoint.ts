import { authenticateClient } from './client-authentication.ts';
import { type CloudClient, scopeOf } from './clients.ts';
import type { OAuthForm } from './oauth-form.ts';
import { OAuthRefusalError } from './oauth-refusal.ts';
import type { IssuedToken, TokenIssuer } from './token-issuer.ts';

/** Grants of OAuth that are not for M2M clients: the vendor's table knows two errors for a wrong `grant_type`. */
const OTHER_GRANTS = new Set(['authorization_code', 'refresh_token', 'password', 'implicit']);

/**
 * Answers `POST /v1/token`.
 *
 * @throws {OAuthRefusalError} by the vendor's table
 */
export async function answerTokenRequest(
  form: OAuthForm,
  clients: readonly CloudClient[],
  issuer: TokenIssuer,
): Promise<{ token: IssuedToken; body: Record<string, unknown> }> {
  const client = authenticateClient(form, clients);
  checkGrantType(form.parameters.get('grant_type'));
  const scope = form.parameters.get('scope');
  if (scope !== scopeOf(client)) {
    throw new OAuthRefusalError(
      'invalid_scope',
      "The scope must have the form 'partnerId:[PARTNER] role:partnerIdAdmin' and name the client's own partner.",
    );
  }
  const token = await issuer.issue(client);
  return {
    token,
    body: { token_type: 'Bearer', expires_in: client.lifetimeSeconds, access_token: token.value, scope },
  };
}

function checkGrantType(grantType: string | undefined): void {
  if (grantType === 'client_credentials') return;
  if (!grantType) throw new OAuthRefusalError('invalid_request', "The request is missing 'grant_type'.");
  if (OTHER_GRANTS.has(grantType)) {
    throw new OAuthRefusalError('invalid_grant', "The grant must be 'client_credentials'.");
  }
  throw new OAuthRefusalError('unsupported_grant_type', "The grant_type must be 'client_credentials'.");
}
