import type { BudgetStream } from '../contract.ts';

/** The shared counter as a reply shows it. */
export interface CounterState {
  /** When the next free ticket becomes valid (the theoretical arrival time of GCRA); absent if the counter is not there. It never decreases. */
  readonly nextMs?: number;
  /** Nobody calls before this moment, because the WAF refused a call. */
  readonly blockedUntilMs?: number;
}

/** A conditional write: applied or refused, with the counter as it is after that. */
export interface CounterReply {
  readonly applied: boolean;
  readonly state: CounterState;
}

/**
 * The shared counters, one per stream: single writes, serialised by the engine. Every write but `block` is
 * refused while blocked at `nowMs`. A write that cannot be made at all throws; it may have been applied, which
 * costs tickets, never the bound.
 */
export interface TicketCounter {
  /** The counter as it is. Changes nothing. */
  read(stream: BudgetStream): Promise<CounterState>;
  /** Moves the counter on by `advanceMs` if it stands between `floorMs` and `ceilMs`, both included. */
  take(
    stream: BudgetStream,
    step: { advanceMs: number; floorMs: number; ceilMs: number; nowMs: number },
  ): Promise<CounterReply>;
  /** Sets the counter to `nextMs` if it stands before `floorMs`: nobody called for a while. */
  skip(stream: BudgetStream, step: { nextMs: number; floorMs: number; nowMs: number }): Promise<CounterReply>;
  /** Sets the counter to `nextMs` if it is not there. */
  init(stream: BudgetStream, step: { nextMs: number; nowMs: number }): Promise<CounterReply>;
  /** Blocks until `untilMs`, unless it is blocked for longer. */
  block(stream: BudgetStream, untilMs: number): Promise<void>;
}
