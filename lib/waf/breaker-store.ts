import type { BudgetStream } from '../contract.ts';
import type { BreakerState } from './breaker-state.ts';

/** Where the functions share a stream's circuit breaker: in the item of the stream's counter. */
export interface BreakerStore {
  /**
   * Replaces the state unless it has changed since it was seen.
   *
   * @returns whether it did, and the state as it is now
   * @throws whatever the engine throws that cannot be reached
   */
  replaceBreaker(
    stream: BudgetStream,
    change: { readonly seen: BreakerState; readonly next: BreakerState },
  ): Promise<{ readonly applied: boolean; readonly state: BreakerState }>;
}
