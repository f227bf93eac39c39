import type { Clock } from '../../lib/platform/clock.ts';
import type { VirtualTime } from '../fixtures/virtual-time/time.ts';

/** One execution environment: a clock of its own, and it may freeze or die at any moment. */
export interface Instance {
  readonly clock: Clock;
  /** Resolves after `ms`, later if the instance is frozen then, never if it is dead. */
  delay(ms: number): Promise<void>;
  freeze(ms: number): void;
  /** Nothing that it waits for ever happens. */
  kill(): void;
}

export function createInstance(time: VirtualTime, skewMs: number): Instance {
  let frozenUntilMs = Number.NEGATIVE_INFINITY;
  let dead = false;

  const wait = (ms: number, done: () => void): void => {
    time.at(time.now() + ms, function wake() {
      if (dead) return;
      if (frozenUntilMs > time.now()) time.at(frozenUntilMs, wake);
      else done();
    });
  };

  return {
    clock: {
      now: () => Math.round(time.now() + skewMs),
      sleep: (ms, signal) =>
        new Promise((resolve, reject) => {
          if (signal?.aborted) return reject(signal.reason);
          signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
          wait(ms, resolve);
        }),
    },
    delay: (ms) => new Promise((resolve) => wait(ms, resolve)),
    freeze(ms) {
      frozenUntilMs = time.now() + ms;
    },
    kill() {
      dead = true;
    },
  };
}
