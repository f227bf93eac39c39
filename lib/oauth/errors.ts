import { type ErrorCode, PlumeError } from '../errors.ts';
import { type Endpoint, OTHER_ERRORS, SERVER_ERRORS } from './error-tables.ts';

export interface OAuthErrorDetails {
  readonly endpoint: Endpoint;
  readonly code: ErrorCode;
  /** The HTTP status, if there was a response. */
  readonly status?: number;
  /** How long the server asks to wait (Retry-After). */
  readonly retryAfterMs?: number | undefined;
  /** A few words of this library's own or a system's error name, such as `timeout` or `ECONNREFUSED`. */
  readonly reason?: string;
}

/**
 * A request to the authorization server failed. The server's `error_description` and its body are never
 * part of it: they could repeat what was sent.
 */
export class OAuthError extends PlumeError {
  override readonly name = 'OAuthError';
  readonly endpoint: Endpoint;
  readonly status?: number;
  readonly retryAfterMs?: number;
  readonly reason?: string;

  constructor(client: string, { endpoint, code, status, retryAfterMs, reason }: OAuthErrorDetails) {
    const explanations = { ...OTHER_ERRORS, ...SERVER_ERRORS[endpoint] };
    const { happened, remedy } =
      explanations[code as keyof typeof explanations] ?? OTHER_ERRORS.oauth_error_unknown;
    const facts = [code, status === undefined ? undefined : `HTTP ${status}`, reason]
      .filter(Boolean)
      .join(', ');
    super(code, `the ${endpoint} request of client ${client} failed (${facts}): ${happened}; ${remedy}`, {
      client,
    });
    this.endpoint = endpoint;
    if (status !== undefined) this.status = status;
    if (retryAfterMs !== undefined) this.retryAfterMs = retryAfterMs;
    if (reason !== undefined) this.reason = reason;
  }
}
