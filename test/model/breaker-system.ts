import { settingsName } from '../../lib/budget/mixture.ts';
import { TABLE } from '../../lib/contract.ts';
import { isPlumeError } from '../../lib/errors.ts';
import { PROBE_MS } from '../../lib/waf/breaker-state.ts';
import { WafBlockedError } from '../../lib/waf/errors.ts';
import { silentTelemetry } from '../fixtures/telemetry.ts';
import { type BudgetCode, SMALL } from './budget-system.ts';
import type { Model } from './explore.ts';
import { type Faults, NO_FAULTS } from './faults.ts';
import { type Instance, System } from './system.ts';

type Event =
  | { readonly kind: 'sent'; readonly probe: number | undefined; readonly sentAtMs: number }
  /** The API has got a call. */
  | { readonly kind: 'passed' }
  | { readonly kind: 'gave up' };

const START_MS = 1_000_000;
const PATIENCE_MS = 20_000;
const KEY = TABLE.budgetKey(SMALL.name, 'worker');
/** Attempts at one call: more than the block below can cost it. */
const TRIES = 6;

export interface BreakerSystemOptions {
  readonly instances: number;
  /** How long the WAF goes on to refuse every call. */
  readonly blockMs: number;
  readonly faults: Faults;
}

export const BREAKER_SYSTEMS = {
  'three instances after a block': { instances: 3, blockMs: 0, faults: NO_FAULTS },
  'two instances, and a block that lasts': { instances: 2, blockMs: 1_500, faults: NO_FAULTS },
  'a prober that dies': { instances: 2, blockMs: 0, faults: { ...NO_FAULTS, deaths: 1 } },
  'a slow probe': { instances: 2, blockMs: 0, faults: { ...NO_FAULTS, delays: 1 } },
  'a lost answer': { instances: 2, blockMs: 0, faults: { ...NO_FAULTS, lostAnswers: 1 } },
} satisfies Readonly<Record<string, BreakerSystemOptions>>;

/** What takes longer than `npm test` should. */
export const LONG_BREAKER_SYSTEMS: Readonly<Record<string, BreakerSystemOptions>> = {
  'three instances, and a prober that dies': {
    instances: 3,
    blockMs: 0,
    faults: { ...NO_FAULTS, deaths: 1 },
  },
  'three instances, and a slow probe': { instances: 3, blockMs: 0, faults: { ...NO_FAULTS, delays: 1 } },
  'three instances, and a lost answer': {
    instances: 3,
    blockMs: 0,
    faults: { ...NO_FAULTS, lostAnswers: 1 },
  },
  'three instances, and a freeze': { instances: 3, blockMs: 0, faults: { ...NO_FAULTS, freezes: 1 } },
  'two instances, a prober that dies, and a block that lasts': {
    instances: 2,
    blockMs: 1_500,
    faults: { ...NO_FAULTS, deaths: 1 },
  },
};

/** Instances with one call each that find the circuit breaker open for half a second more. */
export function breakerSystem(
  { createCallBudget, createDynamoTicketCounter }: BudgetCode,
  { instances, blockMs, faults }: BreakerSystemOptions,
): () => Promise<Model> {
  const untilMs = START_MS + 500;
  const items = [
    {
      [TABLE.partitionKey]: { S: KEY },
      nextMs: { N: String(START_MS) },
      settings: { S: settingsName(SMALL) },
      refusedAtMs: { N: String(START_MS - 500) },
      suspectSinceMs: { N: String(START_MS - 2_500) },
      blockedUntilMs: { N: String(untilMs) },
      openings: { N: '1' },
    },
  ];

  async function run({ dynamodb, clock, request, note }: Instance): Promise<void> {
    const budget = createCallBudget({
      settings: SMALL,
      counter: createDynamoTicketCounter({ dynamodb, table: 'table', settings: SMALL }),
      clock,
      telemetry: silentTelemetry,
      random: () => 0,
    });
    const book = budget.openBook({ calls: 1, patienceMs: () => PATIENCE_MS });
    for (let tries = 0; tries < TRIES; tries += 1) {
      try {
        await book.attempt(
          ({ ticket }) => {
            note({ kind: 'sent', probe: ticket.probe, sentAtMs: clock.now() });
            return request('a call', () => {
              const isRefused = clock.now() < untilMs + blockMs;
              if (!isRefused) note({ kind: 'passed' });
              return { isRefused };
            });
          },
          {
            waf: {
              isRefusal: ({ isRefused }) => isRefused,
              toError: (_, refusal) => new WafBlockedError('mocha', 'GET /', refusal),
            },
          },
        );
        return book.close();
      } catch (error) {
        if (!isPlumeError(error)) throw error;
        await clock.sleep(Math.max(0, (error.retryAtMs ?? 0) - clock.now()));
      }
    }
    note({ kind: 'gave up' });
  }

  return () =>
    System.start<Event>({
      parts: Array.from({ length: instances }, () => ({ run })),
      items,
      faults,
      startMs: START_MS,
      delayMs: SMALL.networkDelayMs,
      freezeMs: PROBE_MS,
      key: KEY,
      check: violationOf,
    });
}

/** What must hold of the calls that were sent. */
function violationOf(events: readonly (Event & { readonly instance: string })[]): string | undefined {
  const probes = new Map<number, number>();
  let hasPassed = false;
  for (const event of events) {
    if (event.kind === 'passed') hasPassed = true;
    else if (event.kind === 'gave up') return `${event.instance} gave up although the block is over`;
    else if (event.probe === undefined) {
      if (!hasPassed) return `${event.instance} sent a call before any probe had passed`;
    } else {
      const before = probes.get(event.probe);
      probes.set(event.probe, event.sentAtMs);
      if (before !== undefined && event.sentAtMs - before < PROBE_MS)
        return `two probes of opening ${event.probe} were sent within ${event.sentAtMs - before} ms`;
    }
  }
  return undefined;
}
