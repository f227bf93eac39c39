import { decodeJwt } from 'jose';

/** Above this a number of seconds is a number of milliseconds, or nonsense: the year 5138. */
const MAX_SECONDS = 1e11;

/**
 * A moment as a claim states it: a number of seconds (RFC 7519 NumericDate), or an integer as a string, which
 * some servers send. Anything else is not a statement: undefined.
 */
export function unixSeconds(claim: unknown): number | undefined {
  const seconds = typeof claim === 'string' && /^\d{1,12}$/.test(claim) ? Number(claim) : claim;
  return typeof seconds === 'number' && seconds > 0 && seconds < MAX_SECONDS ? seconds : undefined;
}

/** `exp` of a JWT, its signature unchecked: it only times the renewal. An opaque token states none. */
export function jwtExpiry(token: string): { readonly isStated: boolean; readonly expSeconds?: number } {
  try {
    const { exp } = decodeJwt(token);
    const expSeconds = unixSeconds(exp);
    return { isStated: exp !== undefined, ...(expSeconds !== undefined && { expSeconds }) };
  } catch {
    return { isStated: false };
  }
}
