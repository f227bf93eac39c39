const BRAND = Symbol.for('plume-m2m.error');

/** The stable codes. They are part of the public interface: README lists what each means. */
export type ErrorCode =
  // configuration
  | 'config_invalid'
  // credentials
  | 'secret_malformed'
  | 'secret_missing'
  | 'secret_unavailable'
  // the authorization server's own codes (RFC 6749 section 5.2, vendor document)
  | 'invalid_client'
  | 'invalid_grant'
  | 'invalid_request'
  | 'invalid_scope'
  | 'unsupported_grant_type'
  // other outcomes of a request to it
  | 'oauth_error_unknown'
  | 'oauth_unavailable'
  | 'oauth_throttled'
  | 'oauth_response_invalid'
  | 'token_expired_on_arrival'
  // the token as a worker sees it
  | 'token_unavailable'
  | 'token_store_unavailable'
  // the call budget
  | 'budget_exhausted'
  | 'budget_blocked'
  | 'budget_unavailable'
  | 'budget_clock_unreliable'
  | 'budget_closed'
  // calls to Plume's API
  | 'waf_blocked'
  | 'api_unreachable'
  | 'api_error'
  | 'request_refused'
  | 'request_not_repeatable'
  | 'invocation_over'
  | 'session_closed'
  // the reference worker
  | 'job_malformed'
  | 'job_failed';

/** What an error knows besides its code, where it knows it. */
export interface PlumeErrorOptions {
  /** The M2M client concerned, such as `mocha`. */
  readonly client?: string | undefined;
  /** The moment (Unix ms) from which trying again makes sense; absent if time alone changes nothing. */
  readonly retryAtMs?: number | undefined;
}

/**
 * The base of every error that this library throws on purpose.
 *
 * A message says what happened, for which client, and what to do. It never holds a secret, a token, a
 * header or the text of a response; neither does anything reachable from it, so `cause` is not used for
 * errors of other libraries: theirs hold requests and responses.
 */
export class PlumeError extends Error {
  /** What happened. Compare this rather than the message, whose words may change. */
  readonly code: ErrorCode;
  /** The M2M client concerned, such as `mocha`; absent where no single client is concerned. */
  readonly client?: string;
  /** The moment (Unix ms) from which trying again makes sense; absent if time alone changes nothing. */
  readonly retryAtMs?: number;

  constructor(code: ErrorCode, message: string, options: PlumeErrorOptions = {}) {
    super(message);
    this.name = new.target.name;
    this.code = code;
    if (options.client !== undefined) this.client = options.client;
    if (options.retryAtMs !== undefined) this.retryAtMs = options.retryAtMs;
    Object.defineProperty(this, BRAND, { value: true });
  }

  /**
   * What logs and queues get: no stack, nothing that a subclass might add. `retryAt` is `retryAtMs` in ISO 8601, of UTC.
   */
  toJSON(): { name: string; code: ErrorCode; message: string; client?: string; retryAt?: string } {
    return {
      name: this.name,
      code: this.code,
      message: this.message,
      ...(this.client !== undefined && { client: this.client }),
      ...(this.retryAtMs !== undefined && { retryAt: new Date(this.retryAtMs).toISOString() }),
    };
  }
}

/** True for errors of this library, also of another copy of it. */
export function isPlumeError(error: unknown): error is PlumeError {
  return typeof error === 'object' && error !== null && BRAND in error;
}

/** The configuration cannot work. Thrown at construction, never later. */
export class ConfigError extends PlumeError {
  constructor(message: string) {
    super('config_invalid', message);
  }
}
