import type { Line } from './lines.ts';

/** When to ask again after a refusal. It holds for the whole execution environment, which does not ask before. */
export interface Refusals {
  /**
   * The moment to ask again, if asking now is known to be useless.
   *
   * @param reachMs how far ahead of now the counter may stand for this caller to be served
   */
  standing(nowMs: number, reachMs: number, line: Line): number | undefined;
  /** Notes a refusal by a counter at `nextMs`. @returns the moment to ask again */
  refuse(refusal: {
    readonly nowMs: number;
    readonly reachMs: number;
    readonly nextMs: number;
    readonly line: Line;
  }): number;
  grant(): void;
}

/**
 * A refused write is billed like any other, so callers do not poll. The counter tells the earliest moment at which it could
 * grant the block. All refused callers see nearly the same one, so a random delay follows it: over the line's spread at first,
 * in which the line moves on by its whole length. The spread grows by half (√2) with each refusal and shrinks again with each
 * grant, so it settles where about one of two writes is granted, however many instances there are. It has a maximum: in the
 * simulation a longer one saves writes of a hundred saturating workers, and makes bursts wait longer.
 */
export function createRefusals(dependencies: {
  /** A counter that stands further ahead than this is asked again anyway: it may have been deleted. */
  readonly longestMs: number;
  /** In [0, 1). */
  readonly random: () => number;
}): Refusals {
  const { longestMs, random } = dependencies;
  /** Refusals less grants. */
  let excess = 0;
  let last: { readonly reachMs: number; readonly retryAtMs: number } | undefined;

  const spread = ({ spreadMs, maxSpreadMs }: Line): number =>
    Math.ceil(random() * Math.min(spreadMs * Math.SQRT2 ** (Math.max(excess, 1) - 1), maxSpreadMs));

  return {
    standing(nowMs, reachMs, line) {
      if (!last || last.retryAtMs <= nowMs || last.reachMs < reachMs) return undefined;
      return last.retryAtMs + spread(line);
    },
    refuse({ nowMs, reachMs, nextMs, line }) {
      excess = Math.min(excess + 1, MAX_EXCESS);
      const soonMs = Math.min(Math.max(nextMs - reachMs, nowMs), nowMs + longestMs);
      last = { reachMs, retryAtMs: soonMs + spread(line) };
      return last.retryAtMs;
    },
    grant() {
      excess = Math.max(excess - 1, 0);
      last = undefined;
    },
  };
}

/** Where the longest of the lines' spreads has its maximum: sixteen times the first. */
const MAX_EXCESS = 9;
