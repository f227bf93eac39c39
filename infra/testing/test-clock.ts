/** Time that a test owns. */
export interface TestClock {
  /** Unix ms. */
  readonly now: () => number;
  /** Resolves when `ms` have passed by this clock; rejects with the signal's reason when that aborts first. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Lets time pass, and ends each sleep that ends in that time. */
  advance(ms: number): void;
}

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

/**
 * A clock that stands still but for `advance`, and that jumps to the next sleeper's moment when nothing else can happen:
 * so no test waits for a ticket.
 *
 * @param isStuck tells whether all that is under way is asleep
 */
export function createTestClock(startMs: number, isStuck: () => boolean): TestClock {
  const sleepers = new Set<Sleeper>();
  let nowMs = startMs;

  function wakeUntil(atMs: number): void {
    nowMs = Math.max(nowMs, atMs);
    for (const sleeper of [...sleepers].filter((other) => other.atMs <= nowMs)) {
      sleepers.delete(sleeper);
      sleeper.wake();
    }
  }

  /** Again and again, since a call that is under way may fall asleep later. */
  function look(): void {
    if (sleepers.size === 0) return;
    if (isStuck()) wakeUntil(Math.min(...[...sleepers].map(({ atMs }) => atMs)));
    setTimeout(look, 1).unref();
  }

  return {
    now: () => nowMs,
    sleep(ms, signal) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        if (!Number.isFinite(ms)) return;
        const sleeper = { atMs: nowMs + ms, wake: resolve };
        const isFirst = sleepers.size === 0;
        sleepers.add(sleeper);
        signal?.addEventListener(
          'abort',
          () => {
            sleepers.delete(sleeper);
            reject(signal.reason);
          },
          { once: true },
        );
        if (isFirst) setTimeout(look, 1).unref();
      });
    },
    advance(ms) {
      wakeUntil(nowMs + ms);
    },
  };
}
