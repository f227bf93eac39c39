import { type BudgetStream, TABLE } from '../contract.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { CircuitBreaker } from '../waf/circuit-breaker.ts';
import type { BudgetClock } from './budget-clock.ts';
import { isPlausible } from './plausible.ts';
import type { BudgetSettings } from './settings.ts';
import type { CounterState } from './ticket-counter.ts';

/** What one instance knows of a stream's counter. */
export interface CounterView {
  /**
   * The counter as it was last seen. Undefined if that is long ago, as after a freeze, or if the clock may have been set since:
   * then taking is tried first, which is safe by any clock, and brings the server's time.
   */
  recent(nowMs: number): CounterState | undefined;
  /** Whether taking applied lately, and not skipping. */
  readonly isBusy: boolean;
  /** Begins a reservation. @returns what takes in its replies */
  follow(): (state: CounterState) => void;
  /** What an operator's `lift` makes of it: nothing is known any more. */
  forget(): void;
  granted(by: 'take' | 'skip' | 'probe'): void;
}

/** How much one reservation weighs in what is known of how busy the stream is. */
const BUSYNESS_WEIGHT = 0.15;

export function createCounterView(dependencies: {
  readonly settings: BudgetSettings;
  readonly stream: BudgetStream;
  readonly breaker: CircuitBreaker;
  readonly clock: BudgetClock;
  readonly telemetry: Telemetry;
}): CounterView {
  const { settings, stream, breaker, clock, telemetry } = dependencies;
  const { name, windowMs } = settings;
  let seen: { readonly state: CounterState; readonly atMs: number } | undefined;
  let reportedMs = Number.NEGATIVE_INFINITY;
  /** The share of takes. */
  let busyness = 1;

  /** Once a window. Whatever wrote it, no call is made until it is healed or its moment has come. */
  const reportIfImplausible = (nextMs: number, nowMs: number): void => {
    if (isPlausible(nextMs, nowMs, stream, settings) || nowMs < reportedMs + windowMs) return;
    reportedMs = nowMs;
    telemetry.metric('CounterImplausible', 1, { budget: name });
    telemetry.log(
      'error',
      'a counter stands further ahead than any caller can have moved it, and gives no tickets until then; delete its item with the verb heal: a new one begins past every ticket that may be in use',
      {
        budget: name,
        stream,
        item: TABLE.budgetKey(name, stream),
        until: new Date(nextMs).toISOString(),
      },
    );
  };

  return {
    recent(nowMs) {
      if (seen === undefined || !clock.isSteady() || nowMs - seen.atMs >= windowMs) return undefined;
      return { ...seen.state, breaker: breaker.state };
    },
    get isBusy() {
      return busyness > 0.5;
    },
    follow() {
      let learn = breaker.observe();
      return (state) => {
        const nowMs = clock.now();
        seen = { state, atMs: nowMs };
        reportIfImplausible(state.nextMs ?? nowMs, nowMs);
        learn(state.breaker);
        learn = breaker.observe();
      };
    },
    forget() {
      seen = undefined;
      breaker.forget();
    },
    granted(by) {
      if (by !== 'probe') busyness += ((by === 'take' ? 1 : 0) - busyness) * BUSYNESS_WEIGHT;
    },
  };
}
