/** When to come back after a refusal. It stands for the whole environment, which does not ask again before. */
export interface Refusals {
  /**
   * The moment to come back at, if asking now is known to be in vain.
   *
   * @param reachMs how far ahead of now the counter may stand for this caller to be served
   */
  standing(nowMs: number, reachMs: number): number | undefined;
  /** Notes a refusal by a counter at `nextMs`. @returns the moment to come back at */
  refuse(refusal: { readonly nowMs: number; readonly reachMs: number; readonly nextMs: number }): number;
  grant(): void;
}

/** In times of the first spread. */
const MAX_SPREAD = 4;

/**
 * A refused write is billed like any other, so nobody polls. The counter tells the earliest moment at which it could
 * grant the block. All who were refused see nearly the same one, hence a random delay: over one line at first, in
 * which the line moves on by its whole length, and over twice as much after each refusal in a row, up to four: in the
 * simulation more saves writes of 100 saturating workers, and makes bursts wait twice as long.
 */
export function createRefusals(dependencies: {
  /** How long those who were refused come back, each at a moment of its own: as long as the line, where it saves writes. */
  readonly spreadMs: number;
  /** A counter that stands further ahead than this is asked again all the same: it may be deleted meanwhile. */
  readonly longestMs: number;
  /** In [0, 1). */
  readonly random: () => number;
}): Refusals {
  const { spreadMs, longestMs, random } = dependencies;
  let inARow = 0;
  let last: { readonly reachMs: number; readonly retryAtMs: number } | undefined;

  const spread = (): number =>
    Math.ceil(random() * spreadMs * Math.min(2 ** Math.max(0, inARow - 1), MAX_SPREAD));

  return {
    standing(nowMs, reachMs) {
      if (!last || last.retryAtMs <= nowMs || last.reachMs < reachMs) return undefined;
      return last.retryAtMs + spread();
    },
    refuse({ nowMs, reachMs, nextMs }) {
      inARow += 1;
      const soonMs = Math.min(Math.max(nextMs - reachMs, nowMs), nowMs + longestMs);
      last = { reachMs, retryAtMs: soonMs + spread() };
      return last.retryAtMs;
    },
    grant() {
      inARow = 0;
      last = undefined;
    },
  };
}
