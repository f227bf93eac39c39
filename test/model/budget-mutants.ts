import type { QUICK_SYSTEMS } from './budget-system.ts';
import type { Mutant } from './mutants.ts';

const COUNTER = 'budget/dynamo-ticket-counter.ts';
const TICKETS = 'budget/tickets.ts';
const BOOK = 'budget/ticket-book.ts';
const RESERVE = 'budget/reserve.ts';
const STEP = 'budget/next-step.ts';
const SAFE_START = 'nowMs + longestLineMs + 2 * settings.clockAllowanceMs + settings.networkDelayMs';

/** Each would let two calls have one ticket, or a call go out of its ticket's time; `system` is where that is seen. */
export const BUDGET_MUTANTS: readonly (Mutant & { readonly system: keyof typeof QUICK_SYSTEMS })[] = [
  {
    what: 'skip moves a counter that is ahead',
    system: 'three instances',
    file: COUNTER,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source text.
    from: 'nextMs < :floor AND ${CLOSED}',
    to: 'attribute_exists(nextMs)',
  },
  {
    what: 'a refused write counts as granted',
    system: 'three instances',
    file: RESERVE,
    from: "if (!reply.applied || step.kind === 'init') continue;",
    to: "if (step.kind === 'init') continue;",
  },
  {
    what: 'the counter moves on one millisecond less than it should',
    system: 'three instances',
    file: STEP,
    from: 'const advanceMs = block * stream.intervalMs;',
    to: 'const advanceMs = block * stream.intervalMs - 1;',
  },
  {
    what: 'a ticket lives one millisecond longer',
    system: 'a freeze',
    file: TICKETS,
    from: 'validFromMs + stream.ticketLifeMs }',
    to: 'validFromMs + stream.ticketLifeMs + 1 }',
  },
  {
    what: 'a new counter does not count with clocks that are ahead',
    system: 'a deletion, and a slow request',
    file: TICKETS,
    from: SAFE_START,
    to: 'nowMs + settings.worker.horizonMs + settings.networkDelayMs',
  },
  {
    what: 'a new counter does not count with the line',
    system: 'a deletion, and a slow request',
    file: TICKETS,
    from: SAFE_START,
    to: 'nowMs + 2 * settings.clockAllowanceMs + settings.networkDelayMs',
  },
  {
    what: 'a call goes one millisecond early',
    system: 'three instances',
    file: BOOK,
    from: 'return Math.max(untilMs - nowMs, ticket.validFromMs - nowMs, 0);',
    to: 'return Math.max(untilMs - nowMs - 1, ticket.validFromMs - nowMs - 1, 0);',
  },
  {
    what: 'no one looks whether a ticket has expired',
    system: 'a freeze',
    file: BOOK,
    from: 'if (nowMs > ticket.expiresAtMs) {',
    to: 'if (nowMs > ticket.expiresAtMs + 1_000_000) {',
  },
  {
    what: 'something is awaited between the check and the call',
    system: 'a freeze',
    file: BOOK,
    from: 'const ticket = held;',
    to: 'await clock.sleep(1);\n            const ticket = held;',
  },
];
