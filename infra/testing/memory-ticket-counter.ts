import type { CounterReply, CounterState, TicketCounter } from '../../lib/budget/ticket-counter.ts';
import type { BudgetStream } from '../../lib/contract.ts';

/** The engine of `TicketCounter` without DynamoDB: the same conditions on the same item. */
export function createMemoryTicketCounter(): TicketCounter & {
  /** As if somebody had deleted the item. */
  remove(stream: BudgetStream): void;
  /** As if others had taken all tickets up to that moment. */
  moveTo(stream: BudgetStream, nextMs: number): void;
} {
  const states = new Map<BudgetStream, CounterState>();
  const stateOf = (stream: BudgetStream): CounterState => states.get(stream) ?? { breaker: {} };

  /** @param next what the item becomes; undefined if the condition does not hold */
  const write = async (
    stream: BudgetStream,
    next: (state: CounterState) => CounterState | undefined,
  ): Promise<CounterReply> => {
    const state = next(stateOf(stream));
    if (state !== undefined) states.set(stream, state);
    return { applied: state !== undefined, state: stateOf(stream) };
  };
  const isClosed = ({ breaker }: CounterState): boolean => breaker.blockedUntilMs === undefined;

  return {
    read: async (stream) => stateOf(stream),
    take: (stream, { advanceMs, floorMs, ceilMs }) =>
      write(stream, (state) => {
        const { nextMs } = state;
        return nextMs !== undefined && nextMs >= floorMs && nextMs <= ceilMs && isClosed(state)
          ? { ...state, nextMs: nextMs + advanceMs }
          : undefined;
      }),
    skip: (stream, { nextMs, floorMs }) =>
      write(stream, (state) =>
        state.nextMs !== undefined && state.nextMs < floorMs && isClosed(state)
          ? { ...state, nextMs }
          : undefined,
      ),
    init: (stream, { nextMs }) =>
      write(stream, (state) => (state.nextMs === undefined ? { ...state, nextMs } : undefined)),
    probe: (stream, { seen, next }) =>
      write(stream, ({ nextMs, breaker }) =>
        nextMs === seen.nextMs && breaker.blockedUntilMs === seen.blockedUntilMs
          ? { nextMs: next.nextMs, breaker: { ...breaker, blockedUntilMs: next.blockedUntilMs } }
          : undefined,
      ),
    async replaceBreaker(stream, { seen, next }) {
      const { applied, state } = await write(stream, (current) =>
        current.breaker.refusedAtMs === seen.refusedAtMs &&
        current.breaker.blockedUntilMs === seen.blockedUntilMs
          ? { ...current, breaker: next }
          : undefined,
      );
      return { applied, state: state.breaker };
    },
    moveTo(stream, nextMs) {
      states.set(stream, { ...stateOf(stream), nextMs });
    },
    remove(stream) {
      states.delete(stream);
    },
  };
}
