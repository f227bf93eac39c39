import type { Priority } from '../contract.ts';
import type { Query } from './query.ts';
import type { RetryOptions } from './retry-policy.ts';

/** What a call takes besides the options of `fetch`. */
export interface CallOptions {
  /** Added to the query that the path has. @default - nothing is added */
  readonly query?: Query;
  /**
   * How long, in milliseconds, an attempt may take until its answer begins: 1 to 900 000.
   * @default 10000
   */
  readonly timeoutMs?: number;
  /** When this call is made again, if it fails. @default - that of `plume()` or `createPlume()`, or no retries */
  readonly retry?: RetryOptions;
  /**
   * How long a line of the call budget this call may join: see `plume()`. Of the values of `fetch`, `high` is `normal`, and `auto` is
   * the default.
   * @default - that of `plume()` or `createPlume()`
   */
  readonly priority?: Priority | 'high' | 'auto';
}

/** In place of a body. */
export interface JsonBody {
  /** Sent as JSON, with the content type of JSON unless the headers name another; undefined is no body. */
  readonly json: unknown;
  /** Not beside `json`: a call has one body. */
  readonly body?: never;
}

/** The options of `fetch`, and what most calls need besides. */
export type PlumeRequestInit = CallOptions &
  (
    | (Omit<RequestInit, 'priority'> & { readonly json?: never })
    | (Omit<RequestInit, 'body' | 'priority'> & JsonBody)
  );
