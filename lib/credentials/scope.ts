import { ConfigError } from '../errors.ts';

/**
 * The scope of an M2M token: `partnerId:<partner> role:partnerIdAdmin` (vendor document, error table of
 * the token endpoint). The partner's characters are those of a scope token (RFC 6749 section 3.3).
 */

const PARTNER = String.raw`[\x21\x23-\x5b\x5d-\x7e]+`;
const PARTNER_ONLY = new RegExp(`^${PARTNER}$`);
const PARTNER_SCOPE = new RegExp(`^partnerId:${PARTNER} role:partnerIdAdmin$`);

/**
 * The scope that a partner's credentials ask for.
 *
 * @throws {ConfigError} if the partner's name cannot stand in a scope
 */
export function partnerScope(partner: string): string {
  if (!PARTNER_ONLY.test(partner)) {
    throw new ConfigError(
      'a partner must be named by printable ASCII characters without spaces, double quotes and backslashes',
    );
  }
  return `partnerId:${partner} role:partnerIdAdmin`;
}

export function isPartnerScope(scope: string): boolean {
  return PARTNER_SCOPE.test(scope);
}
