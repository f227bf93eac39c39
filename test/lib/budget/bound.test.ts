import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createMemoryTicketCounter } from '../../../infra/testing/memory-ticket-counter.ts';
import { createCallBudget } from '../../../lib/budget/call-budget.ts';
import {
  type BudgetSettings,
  budgetSettings,
  DEFAULT_BUDGET_SETTINGS,
} from '../../../lib/budget/settings.ts';
import type { CounterReply, TicketCounter } from '../../../lib/budget/ticket-counter.ts';
import { boundOf } from '../../../lib/budget/tickets.ts';
import { isPlumeError } from '../../../lib/errors.ts';
import { silentTelemetry } from '../../fixtures/telemetry.ts';
import { createVirtualTime } from '../../fixtures/virtual-time/time.ts';
import { conspire } from '../../simulation/adversary.ts';
import { createInstance, type Instance } from '../../simulation/instance.ts';
import { rollingWindow } from '../../simulation/rolling-window.ts';

/** Small numbers, so that a short story fills a window. */
const SETTINGS: BudgetSettings = {
  name: 'default',
  limit: 1_000,
  windowMs: 2_000,
  clockAllowanceMs: 150,
  networkDelayMs: 200,
  wafRule: 'not-json',
  worker: { intervalMs: 50, ticketLifeMs: 600, burstMs: 300, horizonMs: 700 },
  minter: { intervalMs: 500, ticketLifeMs: 600, burstMs: 300, horizonMs: 700 },
};
/** What a deployment changes the workers' stream to, while instances with the old settings go on. */
const DEPLOYMENTS = {
  none: SETTINGS,
  'a longer interval': { ...SETTINGS, worker: { ...SETTINGS.worker, intervalMs: 70 } },
  // Each keeps the limit; the shorter interval and the longer life together do not.
  'settings that do not go together': {
    ...SETTINGS,
    limit: 70,
    worker: { ...SETTINGS.worker, intervalMs: 70, ticketLifeMs: 1_500 },
  },
} satisfies Record<string, BudgetSettings>;
type Deployment = keyof typeof DEPLOYMENTS;
const START_MS = 1_000_000;

const share = fc.double({ min: -1, max: 1, noNaN: true });
const step = fc.oneof(
  {
    // So many that most windows hold no event that silences everybody for longer than a window.
    weight: 40,
    arbitrary: fc.record({
      kind: fc.constant('calls' as const),
      skew: fc.constantFrom(-1, 1, 0, 0.5),
      calls: fc.integer({ min: 1, max: 25 }),
      patienceMs: fc.integer({ min: 0, max: 1_500 }),
      /** How late timers fire: a busy or frozen instance. */
      dawdleMs: fc.constantFrom(0, 0, 300, 590, 600, 5_000),
      delay: fc.constantFrom(0, 0.5, 1),
      lost: fc.boolean(),
      engineMs: fc.integer({ min: 0, max: 400 }),
      /** In [0, 10): of the new deployment if it is below the story's share. */
      deployment: fc.nat({ max: 9 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('freeze' as const),
      which: fc.nat(),
      ms: fc.integer({ min: 1, max: 3_000 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('block' as const), skew: share }) },
);
const story = fc.record({
  /** How many of ten calls are made by the new deployment's instances: few, half, most. */
  newShare: fc.constantFrom(1, 5, 9),
  pauses: fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 60, maxLength: 60 }),
  steps: fc.array(step, { minLength: 5, maxLength: 60 }),
});
type Story = typeof story extends fc.Arbitrary<infer T> ? T : never;
type Calls = Extract<Story['steps'][number], { kind: 'calls' }>;

/** What the proof speaks of, seen from outside the library. */
interface Played {
  /** When calls reached the WAF. */
  readonly arrivalsMs: number[];
  /** Every ticket that the counter granted, with its distance to the next. */
  readonly granted: { readonly validFromMs: number; readonly intervalMs: number }[];
  /** By caller: what it was granted, and when by its own clock it called. */
  readonly callers: {
    readonly ticketLifeMs: number;
    readonly grantedMs: number[];
    readonly sentMs: number[];
  }[];
  readonly surprises: unknown[];
}

const quiet: Calls = {
  kind: 'calls',
  skew: -1,
  calls: 1,
  patienceMs: 0,
  dawdleMs: 0,
  delay: 0,
  lost: false,
  engineMs: 0,
  deployment: 9,
};

/** A counter that is deleted while the write that begins it is under way: it once began too early. */
const DELETED_TWICE: Story = {
  newShare: 5,
  pauses: [0, 77, 249, 8, 174, 53, 85, 144, 259, 296, 192],
  steps: [
    { ...quiet, engineMs: 223 },
    { kind: 'delete' },
    quiet,
    { kind: 'freeze', which: 0, ms: 1_204 },
    { kind: 'crash', which: 115_046_143 },
    { ...quiet, skew: 1, calls: 18, patienceMs: 841, engineMs: 22, deployment: 0 },
    quiet,
    { kind: 'block', skew: 0 },
    quiet,
    quiet,
    { kind: 'delete' },
  ],
};

/** Plays a story with the library's own books. */
async function play({ newShare, pauses, steps }: Story, deployment: Deployment): Promise<Played> {
  const time = createVirtualTime(START_MS);
  const memory = createMemoryTicketCounter();
  const instances: Instance[] = [];
  const played: Played = { arrivalsMs: [], granted: [], callers: [], surprises: [] };

  const call = (actor: Calls): void => {
    const skewMs = actor.skew * SETTINGS.clockAllowanceMs;
    const instance = createInstance(time, skewMs);
    instances.push(instance);
    const send = async <Reply>(operation: () => Promise<Reply>): Promise<Reply> => {
      await instance.delay(actor.engineMs / 2);
      const first = operation();
      if (actor.lost) await instance.delay(50);
      // A lost response: the request is sent again and applied again.
      const reply = await (actor.lost ? operation() : first);
      await instance.delay(actor.engineMs / 2);
      return reply;
    };
    const { limit } = DEPLOYMENTS[deployment];
    const isNew = actor.deployment < newShare;
    const settings = isNew ? DEPLOYMENTS[deployment] : { ...SETTINGS, limit };
    const { intervalMs, ticketLifeMs } = settings.worker;
    const caller: Played['callers'][number] = { ticketLifeMs, grantedMs: [], sentMs: [] };
    played.callers.push(caller);
    const grant = (reply: CounterReply, advanceMs: number): CounterReply => {
      const firstMs = (reply.state.nextMs ?? 0) - advanceMs;
      for (let offsetMs = 0; reply.applied && offsetMs < advanceMs; offsetMs += intervalMs) {
        caller.grantedMs.push(firstMs + offsetMs);
        played.granted.push({ validFromMs: firstMs + offsetMs, intervalMs });
      }
      return reply;
    };
    const counter: TicketCounter = {
      read: (...args) => send(() => memory.read(...args)),
      take: async (stream, change) => grant(await send(() => memory.take(stream, change)), change.advanceMs),
      skip: async (stream, change) =>
        grant(await send(() => memory.skip(stream, change)), change.nextMs - change.floorMs),
      init: (stream, change) => {
        const sentMs = time.now();
        // A premise: the write that begins a counter is under way no longer than the allowance for the network.
        const isInTime = () => time.now() - sentMs <= SETTINGS.networkDelayMs;
        return send(async () =>
          isInTime() ? memory.init(stream, change) : { applied: false, state: await memory.read(stream) },
        );
      },
      probe: async (stream, change) => grant(await send(() => memory.probe(stream, change)), intervalMs),
      replaceBreaker: (...args) => send(() => memory.replaceBreaker(...args)),
    };
    const budget = createCallBudget({
      settings,
      counter,
      clock: {
        now: instance.clock.now,
        sleep: (ms, signal) => instance.clock.sleep(ms + actor.dawdleMs, signal),
      },
      telemetry: silentTelemetry,
      random: () => 0.3,
    });
    const book = budget.openBook({
      calls: actor.calls,
      patienceMs: () => actor.patienceMs,
    });
    for (let attempt = 0; attempt < actor.calls; attempt += 1) {
      book
        .attempt(() => {
          caller.sentMs.push(instance.clock.now());
          return played.arrivalsMs.push(time.now() + actor.delay * SETTINGS.networkDelayMs);
        })
        .catch((error: unknown) => {
          if (!isPlumeError(error)) played.surprises.push(error);
        });
    }
  };

  for (const [index, next] of steps.entries()) {
    await time.run(time.now() + (pauses[index] ?? 0));
    const instance = 'which' in next ? instances[next.which % Math.max(instances.length, 1)] : undefined;
    switch (next.kind) {
      case 'calls':
        call(next);
        break;
      case 'freeze':
        instance?.freeze(next.ms);
        break;
      case 'crash':
        instance?.kill();
        break;
      case 'delete':
        // With the item goes what it says of settings: see README.
        if (deployment !== 'settings that do not go together') memory.remove('worker');
        break;
      case 'block':
        await openBreaker(memory, Math.round(time.now() + next.skew * SETTINGS.clockAllowanceMs + 700));
        break;
    }
  }
  await time.run(time.now() + 20_000);
  return played;
}

/** The premises of the proof: tickets lie an interval apart, and each call has one of its own that is valid. */
function checkPremises({ granted, callers, surprises }: Played): void {
  expect(surprises).toEqual([]);
  const inOrder = granted.toSorted((a, b) => a.validFromMs - b.validFromMs);
  for (const [index, ticket] of inOrder.entries()) {
    const distanceMs = (inOrder[index + 1]?.validFromMs ?? Number.POSITIVE_INFINITY) - ticket.validFromMs;
    if (distanceMs < ticket.intervalMs) throw new Error(`two tickets lie ${distanceMs} ms apart`);
  }
  for (const { ticketLifeMs, grantedMs, sentMs } of callers) {
    const left = grantedMs.toSorted((a, b) => a - b);
    for (const atMs of sentMs) {
      const own = left.findIndex((validFromMs) => validFromMs <= atMs && atMs <= validFromMs + ticketLifeMs);
      if (own < 0) throw new Error('a call had no valid ticket');
      left.splice(own, 1);
    }
  }
}

/** As if the WAF had refused calls of others. */
async function openBreaker(counter: TicketCounter, blockedUntilMs: number): Promise<void> {
  const { breaker } = await counter.read('worker');
  const next = { refusedAtMs: blockedUntilMs - 700, blockedUntilMs, openings: 1 };
  await counter.replaceBreaker('worker', { seen: breaker, next });
}

describe('no rolling window holds more calls than the bound', () => {
  test.each(Object.keys(DEPLOYMENTS) as Deployment[])(
    'in random stories with old and new instances at once, after a deployment of %s',
    async (deployment) => {
      const bound = boundOf(SETTINGS.worker, SETTINGS);
      let fullest = 0;
      await fc.assert(
        fc.asyncProperty(story, async (told) => {
          const played = await play(told, deployment);
          checkPremises(played);
          const { largest } = rollingWindow(played.arrivalsMs, SETTINGS.windowMs, bound);
          fullest = Math.max(fullest, largest);
          expect(largest).toBeLessThanOrEqual(bound);
        }),
        { numRuns: 700, examples: deployment === 'a longer interval' ? [[DELETED_TWICE]] : [] },
      );
      // The stories mean something: they fill more than half of what the longer of their intervals allows.
      const { worker } = DEPLOYMENTS[deployment];
      expect(fullest).toBeGreaterThan(boundOf(worker, SETTINGS) / 2);
    },
    // Eight seconds of a machine that does nothing else.
    300_000,
  );

  test.each([
    ['the defaults, workers', DEFAULT_BUDGET_SETTINGS, 'worker'],
    ['the defaults, minter', DEFAULT_BUDGET_SETTINGS, 'minter'],
    ['small numbers', { ...SETTINGS, worker: { ...SETTINGS.worker, horizonMs: 1_000 } }, 'worker'],
  ] as const)('and the adversary reaches it or one less: %s', async (_, settings, stream) => {
    const { bound, largest, arrivalsMs } = await conspire({ settings, stream });
    expect(arrivalsMs.length).toBeGreaterThanOrEqual(bound);
    expect(largest).toBeLessThanOrEqual(bound);
    expect(largest).toBeGreaterThanOrEqual(bound - 1);
  });

  describe('and not when callers of the shorter interval meet tickets of the longer life', () => {
    const before = budgetSettings({ worker: { intervalMs: 183, ticketLifeMs: 50_000 } });
    const settings = budgetSettings({});
    const minters = boundOf(settings.minter, settings);

    test('with the counter that tells of both', async () => {
      const { largest } = await conspire({ stream: 'worker', settings, before });
      expect(largest + minters).toBeLessThanOrEqual(settings.limit);
    });

    test('as it would be with one that tells of neither', async () => {
      const through = (counter: TicketCounter): TicketCounter => {
        const blind = async (reply: Promise<CounterReply>): Promise<CounterReply> => {
          const { applied, state } = await reply;
          return { applied, state: { ...state, mixture: { usedAtMs: {} } } };
        };
        const seen = async () => (await counter.read('worker')).mixture.names;
        return {
          ...counter,
          take: async (stream, step) =>
            blind(counter.take(stream, { ...step, mixture: { ...step.mixture, seen: await seen() } })),
        };
      };
      const { largest } = await conspire({ stream: 'worker', settings, before, through });
      expect(largest + minters).toBeGreaterThan(settings.limit);
    });
  });
});
