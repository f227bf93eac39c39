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
 * What a response means that grants nothing; undefined for one with status 2xx and JSON, which the protocol library
 * judges. The server's own word counts first, also in a response with status 200; without one the status decides.
 */
export function refusalOf(client: string, endpoint: Endpoint, answer: Answer): OAuthError | undefined {
  const { status, isJson, retryAfterMs } = answer;
  const refusal = (code: ErrorCode, reason?: string): OAuthError =>
    new OAuthError(client, { endpoint, code, status, retryAfterMs, ...(reason !== undefined && { reason }) });
  const error = errorOf(answer.body);
  const refusalByName = (otherwise: ErrorCode): OAuthError => {
    if (error === undefined) return refusal(otherwise);
    if (Object.hasOwn(SERVER_ERRORS[endpoint], error)) return refusal(error as ErrorCode);
    return refusal(otherwise, REGISTERED.has(error) ? error : undefined);
  };

  if (status >= 200 && status < 300) {
    if (!isJson) return refusal('oauth_response_invalid', 'not JSON by its content type');
    if (answer.body === undefined) return refusal('oauth_response_invalid', 'too large');
    return error === undefined ? undefined : refusalByName('oauth_error_unknown');
  }
  if (status === 429) return refusal('oauth_throttled');
  if (status === 408 || status >= 500) return refusal('oauth_unavailable');
  if (status < 400) return refusal('oauth_response_invalid', 'a redirect, which is not followed');
  // The status 401 says so even without a body (RFC 9110 section 15.5.2), and more tries could lock the client out.
  return refusalByName(status === 401 ? 'invalid_client' : 'oauth_error_unknown');
}

/** `error` of an error response (RFC 6749 section 5.2), some of which come with status 200; not of one that also grants. */
function errorOf(body: string | undefined): string | undefined {
  try {
    const json: unknown = JSON.parse(body ?? '');
    if (typeof json !== 'object' || json === null || !('error' in json)) return undefined;
    if ('access_token' in json || 'active' in json) return undefined;
    return typeof json.error === 'string' ? json.error : undefined;
  } catch {
    return undefined;
  }
}
