import type { PlumeCaller } from '../plume/plume-caller.ts';
import type { PlumeRequestInit } from '../plume/request-init.ts';
import type { RetryOptions } from '../plume/retry-policy.ts';
import type { IsWafBlock } from '../waf/waf-block.ts';

/** What the calls of a function have in common. */
export interface PlumeOptions {
  /** The M2M client whose token the calls carry, such as `mocha`. */
  readonly client: string;
  /**
   * The longest time, in milliseconds, that one call waits for a token or a ticket; never longer than the
   * invocation's remaining time less `marginMs`.
   * @default 30000
   */
  readonly maxWaitMs?: number;
  /**
   * The part of the invocation's time, in milliseconds, in which nobody waits any more: for calls that have just
   * begun, and for the handler's own work. In its last half second calls are given up too, with a typed error, so that
   * the handler can still tell what became of them.
   * @default 2000
   */
  readonly marginMs?: number;
  /**
   * Tells the firewall's refusal, which stops every function, from an answer of the API.
   * @default - a 403 whose body is not JSON
   */
  readonly isWafBlock?: IsWafBlock;
  /**
   * When calls that failed are made again; each attempt takes a ticket of the call budget.
   * @default - never: queues and invokers try again too, and retries of many spend the budget that all share
   */
  readonly retry?: RetryOptions;
  /**
   * One of your own, for tests.
   * @default - built from the environment variables that the construct sets
   */
  readonly plume?: PlumeCaller;
}

/** What the handler finds as `context.plume`. */
export interface PlumeContext {
  /**
   * `fetch` of Plume's API: adds the client's access token, keeps the call budget of the egress address, and retries
   * once with a new token if the API rejects the first. Paths are resolved against the API's base URL. Redirects are
   * not followed. Other answers, a second 401 among them, are returned as they are, once the retry policy is exhausted.
   *
   * @throws {@link PlumeError} with a stable `code`; with `retryAtMs` where waiting helps. README lists them all.
   */
  readonly fetch: (input: string | URL, init?: PlumeRequestInit) => Promise<Response>;
  /**
   * The same for answers in JSON: the parsed body, undefined if it is empty. `Body` is what you expect; nothing checks it.
   *
   * @throws {@link PlumeError} besides those of `fetch`, `api_error` if the status is no success or the body is no JSON
   */
  readonly json: <Body = unknown>(input: string | URL, init?: PlumeRequestInit) => Promise<Body>;
}
