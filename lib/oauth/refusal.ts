import type { ErrorCode } from '../errors.ts';
import type { Answer } from './answer.ts';
import { type Endpoint, SERVER_ERRORS } from './error-tables.ts';
import { OAuthError } from './errors.ts';

/** Other errors that servers are known to name (IANA OAuth registry): safe to repeat, unlike free text. */
const REGISTERED: ReadonlySet<string> = new Set([
  'access_denied',
  'invalid_target',
  'server_error',
  'temporarily_unavailable',
  'unauthorized_client',
  'unsupported_response_type',
  'unsupported_token_type',
]);

/**
 * What a response other than 200 with JSON means; undefined for that one, which the protocol library judges.
 * The server's own word counts first; without one the status decides.
 */
export function refusalOf(client: string, endpoint: Endpoint, answer: Answer): OAuthError | undefined {
  const { status, isJson, retryAfterMs } = answer;
  const refusal = (code: ErrorCode, reason?: string): OAuthError =>
    new OAuthError(client, { endpoint, code, status, retryAfterMs, ...(reason !== undefined && { reason }) });

  if (status === 200) {
    if (!isJson) return refusal('oauth_response_invalid', 'not JSON by its content type');
    return answer.body === undefined ? refusal('oauth_response_invalid', 'too large') : undefined;
  }
  if (status === 403 && !isJson) return refusal('waf_blocked');
  if (status === 429) return refusal('oauth_throttled');
  if (status === 408 || status >= 500) return refusal('oauth_unavailable');
  if (status < 300) return refusal('oauth_response_invalid', 'not the status that the protocol demands');
  if (status < 400) return refusal('oauth_response_invalid', 'a redirect, which is not followed');

  const error = errorOf(answer.body);
  if (error !== undefined && Object.hasOwn(SERVER_ERRORS[endpoint], error))
    return refusal(error as ErrorCode);
  // The status alone says it too (RFC 9110 section 15.5.2), and trying on could lock the client out.
  if (status === 401) return refusal('invalid_client');
  return refusal('oauth_error_unknown', error !== undefined && REGISTERED.has(error) ? error : undefined);
}

/** `error` of an error response (RFC 6749 section 5.2). */
function errorOf(body: string | undefined): string | undefined {
  try {
    const json: unknown = JSON.parse(body ?? '');
    if (typeof json !== 'object' || json === null || !('error' in json)) return undefined;
    return typeof json.error === 'string' ? json.error : undefined;
  } catch {
    return undefined;
  }
}
