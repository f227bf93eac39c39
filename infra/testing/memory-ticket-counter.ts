import type { CounterReply, CounterState, TicketCounter } from '../../lib/budget/ticket-counter.ts';
import type { BudgetStream } from '../../lib/contract.ts';

/** The engine of `TicketCounter` without DynamoDB: the same conditions on two numbers. */
export function createMemoryTicketCounter(): TicketCounter & {
  /** As if somebody had deleted the item. */
  remove(stream: BudgetStream): void;
  /** As if others had taken all tickets up to that moment. */
  moveTo(stream: BudgetStream, nextMs: number): void;
} {
  const states = new Map<BudgetStream, CounterState>();
  const stateOf = (stream: BudgetStream): CounterState => states.get(stream) ?? {};

  const write = (
    stream: BudgetStream,
    nowMs: number,
    next: (nextMs: number | undefined) => number | undefined,
  ): CounterReply => {
    const state = stateOf(stream);
    const nextMs = (state.blockedUntilMs ?? nowMs) <= nowMs ? next(state.nextMs) : undefined;
    if (nextMs === undefined) return { applied: false, state };
    states.set(stream, { ...state, nextMs });
    return { applied: true, state: stateOf(stream) };
  };

  return {
    read: async (stream) => stateOf(stream),
    take: async (stream, { advanceMs, floorMs, ceilMs, nowMs }) =>
      write(stream, nowMs, (nextMs) =>
        nextMs !== undefined && nextMs >= floorMs && nextMs <= ceilMs ? nextMs + advanceMs : undefined,
      ),
    skip: async (stream, step) =>
      write(stream, step.nowMs, (nextMs) =>
        nextMs !== undefined && nextMs < step.floorMs ? step.nextMs : undefined,
      ),
    init: async (stream, step) =>
      write(stream, step.nowMs, (nextMs) => (nextMs === undefined ? step.nextMs : undefined)),
    async block(stream, untilMs) {
      const state = stateOf(stream);
      if ((state.blockedUntilMs ?? Number.NEGATIVE_INFINITY) < untilMs) {
        states.set(stream, { ...state, blockedUntilMs: untilMs });
      }
    },
    moveTo(stream, nextMs) {
      states.set(stream, { ...stateOf(stream), nextMs });
    },
    remove(stream) {
      states.delete(stream);
    },
  };
}
