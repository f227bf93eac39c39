import type { Now } from '../platform/clock.ts';
import type { Line } from './lines.ts';
import type { Refusal, TicketSource } from './stream-tickets.ts';

/**
 * The minter's tickets. What its own stream has none left for is taken from the workers' stream at once, if its line allows:
 * there the minter stands in a line that is longer than any worker's, so that no demand of theirs shuts it out.
 */
export function createBorrowingSource(dependencies: {
  readonly own: TicketSource;
  readonly workers: TicketSource;
  /** The minter's on the workers' stream. */
  readonly lentLine: Line;
  /** How long the minter waits there. */
  readonly maxWaitMs: number;
  /** The corrected clock. */
  readonly now: Now;
}): TicketSource {
  const { own, workers, lentLine, maxWaitMs, now } = dependencies;
  return {
    look: own.look,
    async ask(want, untilMs) {
      const answer = await own.ask(want, untilMs);
      if (!('why' in answer) || answer.why === 'blocked' || !want.line.mayBorrow) return answer;
      const lentUntilMs = (): number => Math.min(untilMs(), now() + maxWaitMs);
      const lent = await workers.ask({ count: want.count, line: lentLine }, lentUntilMs);
      return 'why' in lent ? soonerOf(answer, lent) : lent;
    },
  };
}

function soonerOf(one: Refusal, other: Refusal): Refusal {
  if (one.isInVain !== other.isInVain) return one.isInVain ? other : one;
  return one.retryAtMs <= other.retryAtMs ? one : other;
}
