const BRAND = Symbol.for('plume-m2m.error');

/**
 * What an error calls for.
 *
 * - `wait`: nothing was done, and the cause passes by itself. Make the call again at `retryAtMs`, and do not count a failure.
 * - `fix`: a person must correct a setting, a secret or the code first.
 * - `retry`: this attempt failed, another may succeed. The API may have acted on it: repeat it only if that is safe.
 * - `give up`: this call can never succeed.
 */
export type ErrorKind = 'wait' | 'fix' | 'retry' | 'give up';

/** The stable codes, with what each calls for. Both are part of the public interface: README lists what each means. */
export const ERROR_KINDS = {
  // configuration
  config_invalid: 'fix',
  // credentials
  secret_malformed: 'fix',
  secret_missing: 'fix',
  secret_unavailable: 'wait',
  // the authorization server's own codes (RFC 6749 section 5.2, vendor document)
  invalid_client: 'fix',
  invalid_grant: 'fix',
  invalid_request: 'fix',
  invalid_scope: 'fix',
  unsupported_grant_type: 'fix',
  // other outcomes of a request to it
  oauth_error_unknown: 'fix',
  oauth_unavailable: 'wait',
  oauth_throttled: 'wait',
  oauth_response_invalid: 'fix',
  token_expired_on_arrival: 'fix',
  // the token as a worker sees it
  token_unavailable: 'wait',
  token_store_unavailable: 'wait',
  // the call budget
  budget_exhausted: 'wait',
  budget_blocked: 'wait',
  budget_paused: 'wait',
  budget_settings_conflict: 'wait',
  budget_unavailable: 'wait',
  budget_clock_unreliable: 'wait',
  budget_closed: 'fix',
  // calls to Plume's API
  waf_blocked: 'wait',
  api_unreachable: 'retry',
  api_error: 'retry',
  request_refused: 'give up',
  request_not_repeatable: 'retry',
  invocation_over: 'wait',
  session_closed: 'fix',
  // the reference worker
  job_malformed: 'give up',
  job_failed: 'retry',
} as const satisfies Readonly<Record<string, ErrorKind>>;

/** A stable code: one of the keys of {@link ERROR_KINDS}. */
export type ErrorCode = keyof typeof ERROR_KINDS;

/** What an error knows besides its code, where it knows it. */
export interface PlumeErrorOptions {
  /** The M2M client concerned, such as `mocha`. */
  readonly client?: string | undefined;
  /** The moment (Unix ms) from which trying again makes sense; absent if waiting does not help. */
  readonly retryAtMs?: number | undefined;
}

/**
 * The base of every error that this library throws on purpose. Each class names itself in a literal, which minified code
 * keeps: Step Functions and logs know an error by its name.
 *
 * A message says what happened, for which client, and what to do. It never holds a secret, a token, a
 * header or the text of a response; neither does anything reachable from it, so `cause` is not used for
 * errors of other libraries: theirs hold requests and responses.
 */
export class PlumeError<Code extends ErrorCode = ErrorCode> extends Error {
  /** The name of its class, such as `BudgetExhaustedError`. */
  override readonly name: string = 'PlumeError';
  /** What happened. Compare this rather than the message, whose words may change. */
  readonly code: Code;
  /** What it calls for: to wait, to fix something, to retry if that is safe, or to give up. */
  readonly kind: (typeof ERROR_KINDS)[Code];
  /** The M2M client concerned, such as `mocha`; absent where no single client is concerned. */
  declare readonly client?: string;
  /** The moment (Unix ms) from which trying again makes sense; absent if waiting does not help. */
  declare readonly retryAtMs?: number;

  constructor(code: Code, message: string, options: PlumeErrorOptions = {}) {
    super(message);
    this.code = code;
    this.kind = ERROR_KINDS[code];
    if (options.client !== undefined) this.client = options.client;
    if (options.retryAtMs !== undefined) this.retryAtMs = options.retryAtMs;
    Object.defineProperty(this, BRAND, { value: true });
  }

  /**
   * What logs and queues get: no stack, nothing that a subclass might add. `retryAt` is `retryAtMs` in ISO 8601, of UTC.
   */
  toJSON(): { name: string; code: Code; message: string; client?: string; retryAt?: string } {
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

/**
 * Whether to put the work off, without counting a failure: the error is of kind `wait`. Its `retryAtMs` says until when; where
 * it has none, the moment is not known.
 */
export function shouldPostpone(error: unknown): error is PlumeError {
  return isPlumeError(error) && error.kind === 'wait';
}

/** An option, a setting, an environment variable or an event is missing or wrong: the message names it and its rule. */
export class ConfigError extends PlumeError<'config_invalid'> {
  override readonly name = 'ConfigError';

  constructor(message: string) {
    super('config_invalid', message);
  }
}
