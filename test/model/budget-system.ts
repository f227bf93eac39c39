import { settingsName } from '../../lib/budget/mixture.ts';
import { type BudgetSettings, budgetSettings } from '../../lib/budget/settings.ts';
import { TABLE } from '../../lib/contract.ts';
import { silentTelemetry } from '../fixtures/telemetry.ts';
import type { Model } from './explore.ts';
import type { Item } from './expressions.ts';
import { type Faults, NO_FAULTS } from './faults.ts';
import { type Instance, System } from './system.ts';

/** The code under test: as it is, or with something broken. */
export interface BudgetCode {
  readonly createCallBudget: typeof import('../../lib/budget/call-budget.ts').createCallBudget;
  readonly createDynamoTicketCounter: typeof import('../../lib/budget/dynamo-ticket-counter.ts').createDynamoTicketCounter;
}

/** Where it stands. */
export const BUDGET_FILES = ['budget/call-budget.ts', 'budget/dynamo-ticket-counter.ts'];

export interface Sent {
  readonly instance: string;
  readonly validFromMs: number;
  /** By the instance's clock. */
  readonly sentAtMs: number;
}

const START_MS = 1_000_000;
/** Small numbers in the proportions of the real ones, no two alike. */
export const SMALL: BudgetSettings = budgetSettings({
  name: 'small',
  limit: 1_000_000,
  windowMs: 1_000,
  clockAllowanceMs: 3,
  networkDelayMs: 4,
  worker: { intervalMs: 10, ticketLifeMs: 25, burstMs: 15, horizonMs: 40 },
});

/** Longer than the longest line, which is the minter's: a new counter begins behind it. */
const PATIENCE_MS = 20_000;

/** Where the counter stands when the instances begin. */
export const COUNTERS = {
  absent: undefined,
  behind: START_MS - 500,
  level: START_MS,
  ahead: START_MS + 30,
} as const;

export interface BudgetSystemOptions {
  /** One instance each. */
  readonly skewsMs: readonly number[];
  readonly calls: number;
  readonly counter: keyof typeof COUNTERS;
  readonly faults: Faults;
}

const { clockAllowanceMs } = SMALL;

type Systems = Readonly<Record<string, Omit<BudgetSystemOptions, 'counter'>>>;

/** Small enough for `npm test`: each fault in a system of two, and three instances without one. */
export const QUICK_SYSTEMS = {
  'three instances': { skewsMs: [-clockAllowanceMs, 0, clockAllowanceMs], calls: 2, faults: NO_FAULTS },
  'a death, and a lost answer': {
    skewsMs: [-clockAllowanceMs, clockAllowanceMs],
    calls: 2,
    faults: { ...NO_FAULTS, deaths: 1, lostAnswers: 1 },
  },
  'a deletion, and a slow request': {
    skewsMs: [-clockAllowanceMs, clockAllowanceMs],
    calls: 2,
    faults: { ...NO_FAULTS, deletions: 1, delays: 1 },
  },
  'a freeze': { skewsMs: [0, clockAllowanceMs], calls: 2, faults: { ...NO_FAULTS, freezes: 1 } },
} satisfies Systems;

const FAULTS = ['delays', 'freezes', 'deletions', 'lostAnswers', 'deaths'] as const;

/** What takes minutes: each pair of faults in a system of three. */
export const LONG_SYSTEMS: Systems = Object.fromEntries(
  FAULTS.flatMap((one, index) =>
    FAULTS.slice(index + 1).map((other) => [
      `three instances, ${one} and ${other}`,
      {
        skewsMs: [-clockAllowanceMs, 0, clockAllowanceMs],
        calls: 2,
        faults: { ...NO_FAULTS, [one]: 1, [other]: 1 },
      },
    ]),
  ),
);

const KEY = TABLE.budgetKey(SMALL.name, 'worker');

/** Instances with a few calls each, and one counter. */
export function budgetSystem(
  { createCallBudget, createDynamoTicketCounter }: BudgetCode,
  { skewsMs, calls, counter, faults }: BudgetSystemOptions,
): () => Promise<Model> {
  const nextMs = COUNTERS[counter];
  // Somebody has called before: the counter says with which settings.
  const used = { nextMs: { N: String(nextMs) }, settings: { S: settingsName(SMALL) } };
  const items: Item[] = nextMs === undefined ? [] : [{ [TABLE.partitionKey]: { S: KEY }, ...used }];

  async function run({ dynamodb, clock, note }: Instance): Promise<void> {
    const budget = createCallBudget({
      settings: SMALL,
      counter: createDynamoTicketCounter({ dynamodb, table: 'table', settings: SMALL }),
      clock,
      telemetry: silentTelemetry,
      random: () => 0,
    });
    const book = budget.openBook({ calls, patienceMs: () => PATIENCE_MS });
    const call = (): Promise<unknown> =>
      book
        .attempt(({ ticket }) => {
          note({ validFromMs: ticket.validFromMs, sentAtMs: clock.now() });
          return true;
        })
        // A call that gets no ticket in time is no violation.
        .catch(() => {});
    await Promise.all(Array.from({ length: calls }, call));
    book.close();
  }

  return () =>
    System.start<Sent>({
      parts: skewsMs.map((skewMs) => ({ skewMs, run })),
      items,
      faults,
      startMs: START_MS,
      delayMs: SMALL.networkDelayMs,
      freezeMs: SMALL.worker.ticketLifeMs + 1,
      key: KEY,
      check: violationOf,
    });
}

/** What must hold of the calls that were sent. */
function violationOf(sent: readonly Sent[]): string | undefined {
  const { intervalMs, ticketLifeMs } = SMALL.worker;
  for (const [index, call] of sent.entries()) {
    const { validFromMs, sentAtMs } = call;
    if (sentAtMs < validFromMs || sentAtMs > validFromMs + ticketLifeMs) {
      return `${call.instance} sent at ${sentAtMs} on a ticket that is valid from ${validFromMs}, for ${ticketLifeMs} ms`;
    }
    const other = sent.slice(0, index).find((one) => Math.abs(one.validFromMs - validFromMs) < intervalMs);
    if (other !== undefined) {
      return `${call.instance} and ${other.instance} sent on tickets that are less than an interval apart: ${validFromMs}, ${other.validFromMs}`;
    }
  }
  return undefined;
}
