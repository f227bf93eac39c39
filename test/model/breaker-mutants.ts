import type { BREAKER_SYSTEMS } from './breaker-system.ts';
import type { Mutant } from './mutants.ts';

const COUNTER = 'budget/dynamo-ticket-counter.ts';

/** Each would let calls but the probe leave while the WAF may block; `system` is where that is seen. */
export const BREAKER_MUTANTS: readonly (Mutant & { readonly system: keyof typeof BREAKER_SYSTEMS })[] = [
  {
    what: 'a probe does not look whether another has begun',
    system: 'three instances after a block',
    file: COUNTER,
    from: "'nextMs = :seen AND blockedUntilMs = :blocked'",
    to: "'(nextMs = :seen OR nextMs <> :seen) AND (blockedUntilMs = :blocked OR blockedUntilMs <> :blocked)'",
  },
  {
    what: 'a probe holds the others back for no time',
    system: 'a slow probe',
    file: 'budget/next-step.ts',
    from: 'blockedUntilMs: Math.max(firstMs, nowMs) + PROBE_MS,',
    to: 'blockedUntilMs: Math.max(firstMs, nowMs) + 1,',
  },
  {
    what: 'the refusal of a probe closes the breaker',
    system: 'two instances, and a block that lasts',
    file: 'waf/breaker-state.ts',
    from: 'return opened(openingOf(state) + 1, { suspectSinceMs, nowMs, clearedAtMs });',
    to: 'return { clearedAtMs: nowMs };',
  },
];
