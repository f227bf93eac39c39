import { setTimeout as delay } from 'node:timers/promises';

/** Milliseconds since the Unix epoch. */
export type Now = () => number;

/** Time as decisions see it. Passed in, so that tests own it. */
export interface Clock {
  readonly now: Now;
  /** Resolves after `ms`; rejects with the signal's reason when that aborts first. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /**
   * Monotonic milliseconds since some moment: this clock is never set. It may stand still while the machine is frozen.
   * @default - `now`, of a clock that is not set
   */
  readonly monotonicNow?: Now;
}

/** Node fires a timer that is longer than this at once. */
const LONGEST_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicNow: () => performance.now(),
  sleep: async (ms, signal) => {
    try {
      await delay(Math.min(ms, LONGEST_MS), undefined, signal && { signal });
    } catch (error) {
      // Node's own error says only that there was a signal.
      signal?.throwIfAborted();
      throw error;
    }
  },
};
