import type { BudgetStream } from '../contract.ts';
import type { BudgetSettings } from './settings.ts';

/** When to come back after a refusal. It stands for the whole environment, which does not ask again before. */
export interface Refusals {
  /** The moment to come back at, if asking now is known to be in vain. */
  standing(nowMs: number, untilMs: number): number | undefined;
  /** Notes a refusal of `count` tickets by a counter at `nextMs`. @returns the moment to come back at */
  refuse(refusal: { nowMs: number; untilMs: number; count: number; nextMs: number }): number;
  grant(): void;
}

/** In horizons. */
const MAX_SPREAD = 4;

/**
 * A refused write is billed like any other, so nobody polls. The counter tells the earliest moment at which it could
 * grant the block. All who were refused see nearly the same one, hence a random delay: over one horizon at first, in
 * which the line moves on by its whole length, and over twice as much after each refusal in a row, up to four: in the
 * simulation more saves writes of 100 saturating workers, and makes bursts wait twice as long.
 */
export function createRefusals(dependencies: {
  settings: BudgetSettings;
  stream: BudgetStream;
  random: () => number;
}): Refusals {
  const { settings, random } = dependencies;
  const { intervalMs, horizonMs } = settings[dependencies.stream];
  let inARow = 0;
  let last: { readonly patienceMs: number; readonly retryAtMs: number } | undefined;

  const spread = (): number =>
    Math.ceil(random() * horizonMs * Math.min(2 ** Math.max(0, inARow - 1), MAX_SPREAD));
  /** How far ahead a caller takes tickets. */
  const patience = (nowMs: number, untilMs: number): number =>
    Math.min(Math.max(untilMs - nowMs, 0), horizonMs);

  return {
    standing(nowMs, untilMs) {
      if (!last || last.retryAtMs <= nowMs || last.patienceMs < patience(nowMs, untilMs)) return undefined;
      return last.retryAtMs + spread();
    },
    refuse({ nowMs, untilMs, count, nextMs }) {
      inARow += 1;
      const patienceMs = patience(nowMs, untilMs);
      const earliestMs = nextMs + (count - 1) * intervalMs - patienceMs;
      // A counter that a wrong clock has set far ahead is not believed for ever: someone may delete it.
      const soonMs = Math.min(Math.max(earliestMs, nowMs), nowMs + settings.windowMs);
      last = { patienceMs, retryAtMs: soonMs + spread() };
      return last.retryAtMs;
    },
    grant() {
      inARow = 0;
      last = undefined;
    },
  };
}
