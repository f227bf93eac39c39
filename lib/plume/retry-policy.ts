/** When a call that failed is made again. Each attempt takes a ticket of the call budget. */
export interface RetryOptions {
  /** How many attempts may follow the first: 0 to 10. */
  readonly limit: number;
  /**
   * The methods that may be sent again.
   * @default - those that do no more when they are repeated (RFC 9110 section 9.2.2): GET, HEAD, OPTIONS, PUT, DELETE
   */
  readonly methods?: readonly string[];
}

/** Nothing is sent again unless it is asked for: retries of many callers spend the budget that all of them share. */
export const NO_RETRY: RetryOptions = { limit: 0 };

/** How an attempt ended, with what the next one depends on. */
export interface Failure {
  readonly method: string;
  /** Undefined if there was no response. */
  readonly status: number | undefined;
  /** What the server asks for. */
  readonly retryAfterMs?: number | undefined;
  /** Attempts that were made again before this one. */
  readonly retries: number;
  /** How long the caller can wait. */
  readonly patienceMs: number;
}

const MAX_LIMIT = 10;
const IDEMPOTENT: readonly string[] = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'];
const BACKOFF_BASE_MS = 500;
const BACKOFF_MAX_MS = 10_000;

/**
 * Exponential back-off with full jitter, after what the server asks for: callers with the same retry moment must not
 * all retry at that moment.
 *
 * @param random in [0, 1)
 * @returns the wait in ms before the next attempt; undefined if there is none
 */
export function retryDelayMs(retry: RetryOptions, failure: Failure, random: number): number | undefined {
  const { method, status, retryAfterMs = 0, retries, patienceMs } = failure;
  if (retries >= retry.limit || !isPassing(status)) return undefined;
  const mayRepeat = (retry.methods ?? IDEMPOTENT).some((name) => name.toUpperCase() === method);
  if (!mayRepeat) return undefined;
  const delayMs =
    retryAfterMs + Math.floor(random * Math.min(BACKOFF_BASE_MS * 2 ** retries, BACKOFF_MAX_MS));
  return delayMs <= patienceMs ? delayMs : undefined;
}

/** @returns the rule that the options break, as the end of a sentence */
export function brokenRetryRule(retry: RetryOptions): string | undefined {
  if (typeof retry !== 'object' || retry === null) return 'retry must be an object with a limit';
  const { limit, methods } = retry;
  const isLimit = Number.isSafeInteger(limit) && limit >= 0 && limit <= MAX_LIMIT;
  if (!isLimit) return `retry.limit must be a whole number, 0 to ${MAX_LIMIT}`;
  const areNames = methods === undefined || (Array.isArray(methods) && methods.every(isString));
  return areNames ? undefined : 'retry.methods must be a list of methods, such as ["GET"]';
}

/** 401 and the WAF's 403 have rules of their own; other answers stay the same when they are asked for again. */
function isPassing(status: number | undefined): boolean {
  return status === undefined || status === 429 || status >= 500;
}

function isString(value: unknown): boolean {
  return typeof value === 'string';
}
