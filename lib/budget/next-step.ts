import { openingOf, PROBE_MS, phaseOf } from '../waf/breaker-state.ts';
import { blockOf, ceilMs, type Line } from './lines.ts';
import type { StreamSettings } from './settings.ts';
import type { CounterState, Probed } from './ticket-counter.ts';
import { floorMs } from './tickets.ts';

/** What a caller asks of a counter. */
export interface Ask {
  readonly stream: StreamSettings;
  /** How many tickets are wanted. */
  readonly count: number;
  readonly line: Line;
  readonly nowMs: number;
  /** The last moment at which the caller would still use a ticket. */
  readonly untilMs: number;
  /** Where a counter begins that is not there. */
  readonly safeStartMs: number;
  /** How far ahead an honest block by the WAF may reach. */
  readonly longestBlockMs: number;
  /** Whether the caller's answer would tell the breaker anything. */
  readonly mayProbe: boolean;
}

/** The write that reserves a block, or why there is none. */
export type Step =
  | { readonly kind: 'take'; readonly block: number; readonly floorMs: number; readonly ceilMs: number }
  | { readonly kind: 'skip'; readonly block: number; readonly floorMs: number }
  | { readonly kind: 'init' }
  | { readonly kind: 'probe'; readonly seen: Probed; readonly next: Probed; readonly opening: number }
  /** No block becomes valid in time. */
  | { readonly kind: 'full'; readonly nextMs: number }
  /** No call is made before that moment. */
  | { readonly kind: 'blocked'; readonly untilMs: number };

/**
 * DynamoDB's conditions know no clock and no max(), hence the three writes of GCRA: take from a counter that is ahead, skip
 * over a pause, init.
 *
 * @param seen the counter as it was last seen: a guess for granting, a proof for refusing, since it never decreases.
 *   Undefined if it is not known: then taking is tried. It is safe whatever the clock says, and its refusal tells the counter
 * @param triesToTake whether to take although the counter was behind: others may have moved it on
 */
export function nextStep(seen: CounterState | undefined, ask: Ask, triesToTake: boolean): Step {
  const { stream, line, nowMs, longestBlockMs } = ask;
  const { nextMs, breaker } = seen ?? { breaker: {} };
  const { blockedUntilMs = 0 } = breaker;
  const phase = phaseOf(breaker, nowMs, longestBlockMs);
  if (phase === 'open') return { kind: 'blocked', untilMs: blockedUntilMs };
  if (phase === 'half-open' && !ask.mayProbe) return { kind: 'blocked', untilMs: nowMs };
  if (seen !== undefined && nextMs === undefined) return { kind: 'init' };

  const isProbe = phase === 'half-open';
  const block = blockOf(isProbe ? 1 : ask.count, line, ask);
  const floor = floorMs(nowMs, stream);
  const ceil = ceilMs(block, line, ask);
  if (block === 0 || Math.max(nextMs ?? floor, floor) > ceil)
    return { kind: 'full', nextMs: nextMs ?? floor };
  if (isProbe && nextMs !== undefined) {
    const firstMs = Math.max(nextMs, floor);
    return {
      kind: 'probe',
      seen: { nextMs, blockedUntilMs },
      next: {
        nextMs: firstMs + stream.intervalMs,
        blockedUntilMs: Math.max(firstMs, nowMs) + PROBE_MS,
      },
      opening: openingOf(breaker),
    };
  }
  if (nextMs !== undefined && nextMs < floor && !triesToTake) return { kind: 'skip', block, floorMs: floor };
  return { kind: 'take', block, floorMs: floor, ceilMs: ceil };
}
