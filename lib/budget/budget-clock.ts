import type { Clock, Now } from '../platform/clock.ts';
import { offsetOf, type ServerClock } from '../platform/server-clock.ts';
import { BudgetClockUnreliableError } from './errors.ts';
import type { BudgetSettings } from './settings.ts';

/** When a clock that cannot be corrected is looked at again. */
const LOOK_AGAIN_MS = 1_000;

/** The corrected clock of a budget. */
export interface BudgetClock extends Clock {
  /** The local clock, by which callers wait and retry. */
  readonly localNow: Now;
  /** False while the clock may have been set since DynamoDB's last response: then the counter is asked before anything is sent. */
  readonly isSteady: () => boolean;
}

/**
 * DynamoDB's clock as a budget needs it: right to within `clockAllowanceMs`, since the bound counts with that. If the
 * offset is not known as well as that, the local clock still stands as long as it may be within the allowance.
 *
 * `now` throws {@link BudgetClockUnreliableError} while the local clock is out of the allowance and cannot be corrected.
 */
export function createBudgetClock(
  server: ServerClock,
  { name, clockAllowanceMs }: Pick<BudgetSettings, 'name' | 'clockAllowanceMs'>,
): BudgetClock {
  return {
    localNow: server.localNow,
    ...(server.monotonicNow && { monotonicNow: server.monotonicNow }),
    // Half of the allowance: the other half is for what the offset itself may be wrong by.
    isSteady: () => server.isSteady(clockAllowanceMs / 2),
    sleep: server.sleep,
    now() {
      const { min, max } = server.proven();
      const { offsetMs, uncertaintyMs } = offsetOf({ min, max });
      if (uncertaintyMs <= clockAllowanceMs) return server.now();
      const localMs = server.localNow();
      if (min <= clockAllowanceMs && max >= -clockAllowanceMs) return localMs;
      throw new BudgetClockUnreliableError(
        `this machine's clock is about ${Math.abs(offsetMs)} ms ${offsetMs < 0 ? 'ahead of' : 'behind'} DynamoDB's, ` +
          `give or take ${uncertaintyMs} ms, and call budget ${name} allows ${clockAllowanceMs} ms; ` +
          "synchronise the clock, or find out why DynamoDB's responses take so long",
        localMs + LOOK_AGAIN_MS,
      );
    },
  };
}
