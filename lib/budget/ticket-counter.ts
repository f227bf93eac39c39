import type { BudgetStream } from '../contract.ts';
import type { BreakerState } from '../waf/breaker-state.ts';
import type { BreakerStore } from '../waf/breaker-store.ts';
import type { Mixture, MixtureStep } from './mixture.ts';

/** The shared counter as a reply shows it. */
export interface CounterState {
  /**
   * When the next free ticket becomes valid: the theoretical arrival time of GCRA. Absent if the counter is not there. It
   * never decreases.
   */
  readonly nextMs?: number;
  /** What is known of the WAF, in the same item. */
  readonly breaker: BreakerState;
  /** With which settings tickets were taken lately. */
  readonly mixture: Mixture;
  /** When an operator last gave an order: an instance that has not looked at the orders since does so before its next call. */
  readonly orderedAtMs?: number;
}

/** A conditional write: applied or refused, with the counter as it is after that. */
export interface CounterReply {
  readonly applied: boolean;
  readonly state: CounterState;
}

/**
 * The shared counters, one per stream, with their circuit breakers: single writes, serialised by the engine. `take` and
 * `skip` are refused while there is a `blockedUntilMs`, whatever it says, and every reservation if the names of the settings
 * in use are not those that were seen. A write that cannot be made at all throws; it may have been applied, which costs
 * tickets, never the bound.
 */
export interface TicketCounter extends BreakerStore {
  /** The counter as it is. Changes nothing. */
  read(stream: BudgetStream): Promise<CounterState>;
  /** Moves the counter on by `advanceMs` if it stands between `floorMs` and `ceilMs`, both included. */
  take(stream: BudgetStream, step: TakeStep): Promise<CounterReply>;
  /** Sets the counter to `nextMs` if it stands before `floorMs`: no call was made for a while. */
  skip(stream: BudgetStream, step: SkipStep): Promise<CounterReply>;
  /** One ticket while the breaker is half-open: moves the counter and the block on, if neither has changed since it was seen. */
  probe(stream: BudgetStream, step: ProbeStep): Promise<CounterReply>;
  /** Sets the counter to `nextMs` if it is not there. */
  init(stream: BudgetStream, step: { readonly nextMs: number }): Promise<CounterReply>;
}

export interface TakeStep {
  readonly advanceMs: number;
  readonly floorMs: number;
  readonly ceilMs: number;
  readonly mixture: MixtureStep;
}

export interface SkipStep {
  readonly nextMs: number;
  readonly floorMs: number;
  readonly mixture: MixtureStep;
}

export interface ProbeStep {
  readonly seen: Probed;
  readonly next: Probed;
  readonly mixture: MixtureStep;
}

/** What a probe looks at, and changes. */
export interface Probed {
  readonly nextMs: number;
  readonly blockedUntilMs: number;
}
