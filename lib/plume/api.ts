import type { BudgetForecast } from '../budget/call-budget.ts';
import type { PlumeRequestInit } from './request-init.ts';
import type { CallInput } from './request-object.ts';

/** Plume's API, called for one client: what the handler finds as `context.plume`, and `createPlume` gives to its work. */
export interface PlumeApi {
  /**
   * `fetch` of Plume's API: adds the client's access token, keeps the call budget of the egress address, and retries
   * once with a new token if the API rejects the first. Paths are resolved against the API's base URL; the body of a `Request`
   * is read into memory first. Redirects are not followed. Other answers, a second 401 among them, are returned unchanged,
   * once the retry policy is exhausted.
   *
   * @throws {@link PlumeError} with a stable `code`; with `retryAtMs` where waiting helps. README lists them all.
   */
  readonly fetch: (input: CallInput, init?: PlumeRequestInit) => Promise<Response>;
  /**
   * The same for answers in JSON: the parsed body, undefined if it is empty. `Body` is what you expect; nothing checks it.
   *
   * @throws {@link PlumeError} besides those of `fetch`, `api_error` if the status is not a success or the body is not JSON
   */
  readonly json: <Body = unknown>(input: CallInput, init?: PlumeRequestInit) => Promise<Body>;
  /**
   * When calls of this function could start, from one read and without a ticket: to do something else, or to hand work back,
   * while the budget is saturated.
   *
   * @throws {@link PlumeError} `budget_unavailable` or `budget_clock_unreliable`
   */
  readonly budget: () => Promise<BudgetForecast>;
  /**
   * Replaces the access tokens that these calls carried by `[redacted]`: for answers that are logged or passed on, since an
   * API may repeat what it was sent.
   */
  readonly redact: (text: string) => string;
}
