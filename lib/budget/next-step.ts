import type { BudgetStream } from '../contract.ts';
import { openingOf, PROBE_MS, phaseOf } from '../waf/breaker-state.ts';
import { blockOf, ceilMs, type Line } from './lines.ts';
import { type Conflict, mixtureStep } from './mixture.ts';
import type { BudgetSettings, StreamSettings } from './settings.ts';
import type { CounterState, ProbeStep, SkipStep, TakeStep } from './ticket-counter.ts';
import { floorMs, takeFloorMs } from './tickets.ts';

/** What a caller asks of a counter. */
export interface Ask {
  readonly name: BudgetStream;
  /** As the caller takes tickets of it: an operator may have slowed it. */
  readonly stream: StreamSettings;
  /** As they were deployed. */
  readonly settings: BudgetSettings;
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
  | (TakeStep & { readonly kind: 'take'; readonly block: number })
  | (SkipStep & { readonly kind: 'skip'; readonly block: number })
  | (ProbeStep & { readonly kind: 'probe'; readonly opening: number })
  | { readonly kind: 'init'; readonly nextMs: number }
  | NoStep;

export type NoStep =
  /** No block becomes valid in time. */
  | { readonly kind: 'full'; readonly nextMs: number }
  /** No call is made before that moment. */
  | { readonly kind: 'blocked'; readonly untilMs: number }
  /** Other settings are in use that exceed the limit together with the caller's. */
  | (Conflict & { readonly kind: 'conflict' });

/**
 * DynamoDB's conditions know no clock and no max(), hence the three writes of GCRA: take from a counter that is ahead, skip
 * over a pause, init.
 *
 * @param seen the counter as it was last seen: a guess for granting, a proof for refusing, since it never decreases.
 *   Undefined if it is not known: then taking is tried. It is safe whatever the clock says, and its refusal tells the counter
 * @param triesToTake whether to take although the counter was behind: others may have moved it on
 */
export function nextStep(seen: CounterState | undefined, ask: Ask, triesToTake: boolean): Step {
  const { name, stream, settings, line, nowMs, longestBlockMs } = ask;
  const { nextMs, breaker = {} } = seen ?? {};
  const { blockedUntilMs = 0 } = breaker;
  const phase = phaseOf(breaker, nowMs, longestBlockMs);
  if (phase === 'open') return { kind: 'blocked', untilMs: blockedUntilMs };
  if (phase === 'half-open' && !ask.mayProbe) return { kind: 'blocked', untilMs: nowMs };
  if (seen !== undefined && nextMs === undefined) return { kind: 'init', nextMs: ask.safeStartMs };
  const mixture = mixtureStep(seen?.mixture, { stream: name, settings, nowMs });
  if ('others' in mixture) return { kind: 'conflict', ...mixture };

  const isProbe = phase === 'half-open';
  const block = blockOf(isProbe ? 1 : ask.count, line, ask);
  const floor = floorMs(nowMs, stream);
  const ceil = ceilMs(block, line, ask);
  const firstMs = Math.max(nextMs ?? floor, floor);
  if (block === 0 || firstMs > ceil) return { kind: 'full', nextMs: nextMs ?? floor };
  if (isProbe && nextMs !== undefined) {
    return {
      kind: 'probe',
      seen: { nextMs, blockedUntilMs },
      next: {
        nextMs: firstMs + stream.intervalMs,
        blockedUntilMs: Math.max(firstMs, nowMs) + PROBE_MS,
      },
      opening: openingOf(breaker),
      mixture,
    };
  }
  const advanceMs = block * stream.intervalMs;
  if (nextMs !== undefined && nextMs < floor && !triesToTake) {
    return { kind: 'skip', block, nextMs: floor + advanceMs, floorMs: floor, mixture };
  }
  return { kind: 'take', block, advanceMs, floorMs: takeFloorMs(nowMs, stream), ceilMs: ceil, mixture };
}
