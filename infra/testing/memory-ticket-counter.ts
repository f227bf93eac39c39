import type { Mixture, MixtureStep } from '../../lib/budget/mixture.ts';
import type { CounterReply, CounterState, TicketCounter } from '../../lib/budget/ticket-counter.ts';
import type { BudgetStream } from '../../lib/contract.ts';

/** The engine of `TicketCounter` without DynamoDB: the same conditions on the same item. */
export function createMemoryTicketCounter(): TicketCounter & {
  /** As an operator's order does. */
  noteOrder(orderedAtMs: number): void;
  /** As if the item had been deleted. */
  remove(stream: BudgetStream): void;
  /** As if others had taken all tickets up to that moment. */
  moveTo(stream: BudgetStream, nextMs: number): void;
} {
  const states = new Map<BudgetStream, CounterState>();
  const stateOf = (stream: BudgetStream): CounterState => states.get(stream) ?? NOTHING;

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
    take: (stream, { advanceMs, floorMs, ceilMs, mixture: step }) =>
      write(stream, (state) => {
        const { nextMs } = state;
        const mixture = mixed(state, step);
        return nextMs !== undefined && nextMs >= floorMs && nextMs <= ceilMs && isClosed(state) && mixture
          ? { ...state, mixture, nextMs: nextMs + advanceMs }
          : undefined;
      }),
    skip: (stream, { nextMs, floorMs, mixture: step }) =>
      write(stream, (state) => {
        const mixture = mixed(state, step);
        return state.nextMs !== undefined && state.nextMs < floorMs && isClosed(state) && mixture
          ? { ...state, mixture, nextMs }
          : undefined;
      }),
    init: (stream, { nextMs }) =>
      write(stream, (state) => (state.nextMs === undefined ? { ...state, nextMs } : undefined)),
    probe: (stream, { seen, next, mixture: step }) =>
      write(stream, (state) => {
        const { nextMs, breaker } = state;
        const mixture = mixed(state, step);
        return nextMs === seen.nextMs && breaker.blockedUntilMs === seen.blockedUntilMs && mixture
          ? {
              ...state,
              mixture,
              nextMs: next.nextMs,
              breaker: { ...breaker, blockedUntilMs: next.blockedUntilMs },
            }
          : undefined;
      }),
    async replaceBreaker(stream, { seen, next }) {
      const { applied, state } = await write(stream, (current) =>
        current.breaker.refusedAtMs === seen.refusedAtMs &&
        current.breaker.blockedUntilMs === seen.blockedUntilMs
          ? { ...current, breaker: next }
          : undefined,
      );
      return { applied, state: state.breaker };
    },
    noteOrder(orderedAtMs) {
      for (const stream of ['worker', 'minter'] as const) {
        states.set(stream, { ...stateOf(stream), orderedAtMs });
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

const NOTHING: CounterState = { breaker: {}, mixture: { names: undefined, usedAtMs: {} } };

/** @returns the mixture after a reservation; undefined if it is not the one that was seen */
function mixed(
  { mixture: { names, usedAtMs } }: CounterState,
  { seen, names: next, own, usedAtMs: nowMs, dropped }: MixtureStep,
): Mixture | undefined {
  if (names !== seen) return undefined;
  const kept = Object.entries(usedAtMs).filter(([name]) => !dropped.includes(name));
  return { names: next, usedAtMs: { ...Object.fromEntries(kept), [own]: nowMs } };
}
