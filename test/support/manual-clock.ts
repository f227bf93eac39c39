import type { Clock } from '../../lib/clock.ts';

export interface ManualClock extends Clock {
  advance(ms: number): void;
}

/** Time that passes only when somebody sleeps: whoever sleeps moves everybody's clock to the moment of waking. */
export function manualClock(startMs = 1_700_000_000_000): ManualClock {
  let nowMs = startMs;
  return {
    now: () => nowMs,
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      const wakesAtMs = nowMs + ms;
      // Others run before the sleeper goes on, as they would.
      await new Promise((resolve) => setImmediate(resolve));
      signal?.throwIfAborted();
      nowMs = Math.max(nowMs, wakesAtMs);
    },
    advance(ms) {
      nowMs += ms;
    },
  };
}
