import type { TokenSettings } from '../token/settings.ts';

/** Where the end of a token is stated. */
export interface ExpirySources {
  /** Lifetime in seconds, counted from `requestedAtMs` (RFC 6749 section 5.1). */
  readonly expiresInSeconds?: number | undefined;
  /** The JWT's `exp`, Unix seconds (RFC 7519). */
  readonly jwtExpSeconds?: number | undefined;
  /** Introspection's `exp`, Unix seconds (RFC 7662). */
  readonly introspectedExpSeconds?: number | undefined;
}

/** Lifetimes are documented up to a day; what is beyond a year means something else, and counts as not stated. */
const MAX_LIFETIME_MS = 366 * 86_400_000;

/** The earliest source wins; none at all means the default lifetime, never "forever". */
export function expiryOf(
  requestedAtMs: number,
  sources: ExpirySources,
  { defaultLifetimeMs, graceMs }: Pick<TokenSettings, 'defaultLifetimeMs' | 'graceMs'>,
): { readonly expiresAtMs: number; readonly disagreementMs: number; readonly disagree: boolean } {
  const instants = [
    sources.expiresInSeconds === undefined ? undefined : requestedAtMs + sources.expiresInSeconds * 1000,
    sources.jwtExpSeconds === undefined ? undefined : sources.jwtExpSeconds * 1000,
    sources.introspectedExpSeconds === undefined ? undefined : sources.introspectedExpSeconds * 1000,
  ]
    .filter((instant) => instant !== undefined)
    .filter((instant) => instant <= requestedAtMs + MAX_LIFETIME_MS);
  if (instants.length === 0) {
    return { expiresAtMs: requestedAtMs + defaultLifetimeMs, disagreementMs: 0, disagree: false };
  }
  const earliest = Math.min(...instants);
  const disagreementMs = Math.max(...instants) - earliest;
  return { expiresAtMs: Math.floor(earliest), disagreementMs, disagree: disagreementMs > graceMs };
}
