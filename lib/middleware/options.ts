import type { Priority } from '../contract.ts';
import type { Broker } from '../plume/broker.ts';
import type { RetryOptions } from '../plume/retry-policy.ts';
import type { IsWafBlock } from '../waf/is-waf-block.ts';

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
   * Time reserved at the end of the invocation, in milliseconds, in which no call waits for a token or a ticket: for
   * calls that have just begun, and for the handler's own work. In its last half second calls under way are given up too,
   * with a typed error, so that the handler can still report them.
   * @default 2000
   */
  readonly marginMs?: number;
  /**
   * Tells the WAF's refusal, which stops every function, from an answer of the API.
   * @default - a 403 whose body is not JSON
   */
  readonly isWafBlock?: IsWafBlock;
  /**
   * When calls that failed are retried; each attempt takes a ticket of the call budget.
   * @default - never: queues and invokers retry too, and retries of many callers spend the budget that all share
   */
  readonly retry?: RetryOptions;
  /**
   * How long a line of the call budget these calls may join. Those of `low` priority take the tickets that others leave: they
   * reserve 1.3 s ahead, in blocks of at most four, so calls that people wait for pass any amount of bulk work. The price is
   * about four times the requests to DynamoDB under load, and no ticket while others saturate the budget.
   * @default normal
   */
  readonly priority?: Priority;
  /**
   * For tests: that of `createTestBroker`.
   * @default - the one that the function's environment describes
   */
  readonly broker?: Broker;
}
