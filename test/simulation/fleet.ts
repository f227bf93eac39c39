import { createMemoryTicketCounter } from '../../infra/testing/memory-ticket-counter.ts';
import { createCallBudget } from '../../lib/budget/call-budget.ts';
import { type BudgetSettings, DEFAULT_BUDGET_SETTINGS } from '../../lib/budget/settings.ts';
import type { TicketBook } from '../../lib/budget/ticket-book.ts';
import { isPlumeError } from '../../lib/errors.ts';
import { silentTelemetry } from '../fixtures/telemetry.ts';
import { createVirtualTime, START_MS } from '../fixtures/virtual-time/time.ts';
import { createEngine } from './engine.ts';
import { createInstance, type Instance } from './instance.ts';
import { connectCounter } from './limiter.ts';
import { createRandom, type Random } from './random.ts';
import { quantile, rollingWindow } from './rolling-window.ts';

/** Instances that do the same kind of work, from one queue. */
export interface Group {
  readonly name: string;
  readonly instances: number;
  /** Calls of one job: in a row, or all at once. */
  readonly callsPerJob: (random: Random) => number;
  readonly inParallel?: boolean;
  /** Calls offered a second, in jobs that come at moments that nobody chose; `saturated` for jobs that never end. */
  readonly callsPerSecond?: number | 'saturated';
  /** Jobs that come at once, and when. */
  readonly burst?: { readonly atMs: number; readonly calls: number };
  /** How long a call waits before its job is handed back. @default 20000 */
  readonly patienceMs?: number;
  /** What cannot be done in time has failed, and is not tried again. */
  readonly isUrgent?: boolean;
  readonly priority?: 'low' | 'normal';
}

export interface FleetOptions {
  readonly groups: readonly Group[];
  readonly seed: number;
  readonly durationMs: number;
  /** Half of it ahead, half behind, at most. @default 0 */
  readonly skewMs?: number;
  /** How long the API takes. @default about 350 ms */
  readonly apiMs?: (random: Random) => number;
  readonly settings?: BudgetSettings;
}

export interface GroupResult {
  /** Calls after the warm-up. */
  readonly calls: number;
  readonly perSecond: number;
  readonly failed: number;
  /** From when a call is wanted to when it is sent. */
  readonly waitP50Ms: number;
  readonly waitP99Ms: number;
  /** From when its job arrived. */
  readonly sinceArrivalP99Ms: number;
  readonly sinceArrivalMaxMs: number;
}

export interface FleetResult {
  readonly groups: Readonly<Record<string, GroupResult>>;
  readonly perSecond: number;
  /** Of the rate that the settings give. */
  readonly shareOfRate: number;
  /** To the counter. */
  readonly requestsPerCall: number;
  /** Besides: what instances read of an operator's orders. Each costs a fifth of a write. */
  readonly orderReadsPerCall: number;
  /** Sent in the fullest second, wherever it begins. */
  readonly mostInASecond: number;
}

/** What is measured begins after this. */
export const FLEET_WARM_UP_MS = 120_000;

interface Job {
  left: number;
  readonly arrivedMs: number;
}

interface Seen {
  sentMs: number[];
  waitsMs: number[];
  sinceArrivalMs: number[];
  failed: number;
}

/** A fleet of instances with the library's own budget, on virtual time, with equal clocks if no other is given. */
export async function runFleet(options: FleetOptions): Promise<FleetResult> {
  const { groups, seed, durationMs, skewMs = 0, settings = DEFAULT_BUDGET_SETTINGS } = options;
  const random = createRandom(seed);
  const time = createVirtualTime(START_MS);
  const engine = createEngine(time, random, { lostResponses: 0 });
  const counter = createMemoryTicketCounter();
  for (const stream of ['worker', 'minter'] as const) counter.moveTo(stream, START_MS);
  const measureFromMs = START_MS + FLEET_WARM_UP_MS;
  let requestsBefore = 0;
  let orderReads = 0;
  time.at(measureFromMs, () => {
    requestsBefore = engine.requests;
    orderReads = 0;
  });
  const seen = new Map<string, Seen>();

  for (const group of groups) {
    const own: Seen = { sentMs: [], waitsMs: [], sinceArrivalMs: [], failed: 0 };
    seen.set(group.name, own);
    const queue = createQueue(time.at, time.now);
    if (typeof group.callsPerSecond === 'number') {
      const meanCalls = 1_000 / group.callsPerSecond;
      for (let atMs = START_MS; atMs < START_MS + durationMs; ) {
        const calls = group.callsPerJob(random);
        queue.put({ left: calls, arrivedMs: atMs }, atMs);
        atMs += random.exponential(meanCalls * calls);
      }
    }
    for (let left = group.burst?.calls ?? 0; left > 0; ) {
      const calls = Math.min(left, group.callsPerJob(random));
      const atMs = START_MS + (group.burst?.atMs ?? 0);
      queue.put({ left: calls, arrivedMs: atMs }, atMs);
      left -= calls;
    }
    for (let index = 0; index < group.instances; index += 1) {
      const instance = createInstance(time, random.between(-skewMs / 2, skewMs / 2));
      const budget = createCallBudget({
        settings,
        counter: connectCounter(counter, (operation) => engine.call(instance, operation)),
        orders: {
          read: () => {
            orderReads += 1;
            return engine.call(instance, () => ({}));
          },
        },
        clock: instance.clock,
        telemetry: silentTelemetry,
        random: random.next,
      });
      const work = createWork({
        group,
        own,
        instance,
        random,
        measureFromMs,
        now: time.now,
        apiMs: options.apiMs,
      });
      const take = (): void => {
        const next = (job: Job): void => {
          const book = budget.openBook({
            calls: job.left,
            patienceMs: () => group.patienceMs ?? 20_000,
            ...(group.priority && { priority: group.priority }),
          });
          void work(book, job)
            .finally(() => book.close())
            .then((again) => {
              if (again === undefined) take();
              else if (group.callsPerSecond === 'saturated') time.at(again.atMs, () => next(again.job));
              else {
                queue.put(again.job, again.atMs);
                take();
              }
            });
        };
        if (group.callsPerSecond === 'saturated')
          next({ left: group.callsPerJob(random), arrivedMs: time.now() });
        else queue.take(next);
      };
      // Not all at the same moment.
      time.at(START_MS + random.between(0, 2_000), take);
    }
  }
  await time.run(START_MS + durationMs);

  const seconds = (durationMs - FLEET_WARM_UP_MS) / 1_000;
  const all = [...seen.values()].flatMap(({ sentMs }) => sentMs);
  return {
    groups: Object.fromEntries(
      [...seen].map(([name, { sentMs, waitsMs, sinceArrivalMs, failed }]) => [
        name,
        {
          calls: sentMs.length,
          perSecond: sentMs.length / seconds,
          failed,
          waitP50Ms: quantile(waitsMs, 0.5),
          waitP99Ms: quantile(waitsMs, 0.99),
          sinceArrivalP99Ms: quantile(sinceArrivalMs, 0.99),
          sinceArrivalMaxMs: quantile(sinceArrivalMs, 1),
        },
      ]),
    ),
    perSecond: all.length / seconds,
    shareOfRate: ((all.length / seconds) * settings.worker.intervalMs) / 1_000,
    requestsPerCall: (engine.requests - requestsBefore - orderReads) / all.length,
    orderReadsPerCall: orderReads / all.length,
    mostInASecond: rollingWindow(all, 1_000, all.length).largest,
  };
}

function createWork(scene: {
  group: Group;
  own: Seen;
  instance: Instance;
  random: Random;
  measureFromMs: number;
  now: () => number;
  apiMs: ((random: Random) => number) | undefined;
}) {
  const { group, own, instance, random, measureFromMs, now, apiMs } = scene;

  const call = async (book: TicketBook, job: Job): Promise<void> => {
    const wantedMs = now();
    await book.attempt(() => {
      job.left -= 1;
      if (now() >= measureFromMs) own.sentMs.push(now());
      if (wantedMs >= measureFromMs) {
        own.waitsMs.push(now() - wantedMs);
        own.sinceArrivalMs.push(now() - job.arrivedMs);
      }
      return instance.delay(apiMs?.(random) ?? random.lognormal(350, 0.3));
    });
  };

  /** @returns the job, if it is to be done later */
  return async (book: TicketBook, job: Job): Promise<{ job: Job; atMs: number } | undefined> => {
    try {
      if (group.inParallel) await Promise.all(Array.from({ length: job.left }, () => call(book, job)));
      else while (job.left > 0) await call(book, job);
      return undefined;
    } catch (error) {
      if (!isPlumeError(error)) throw error;
      if (group.isUrgent) {
        if (now() >= measureFromMs) own.failed += 1;
        return undefined;
      }
      // A queue's delay, as the reference worker asks for it: whole seconds, and up to a tenth more.
      const delayMs = Math.max((error.retryAtMs ?? 0) - instance.clock.now(), 0) * (1 + random.next() / 10);
      return { job, atMs: now() + 1_000 * Math.ceil(delayMs / 1_000 + random.next()) };
    }
  };
}

function createQueue(at: (atMs: number, event: () => void) => unknown, now: () => number) {
  const jobs: Job[] = [];
  const idle: ((job: Job) => void)[] = [];
  return {
    put(job: Job, atMs: number): void {
      at(Math.max(atMs, now()), () => {
        // Any idle instance may get it, as with Lambda.
        const run = idle.shift();
        if (run) run(job);
        else jobs.push(job);
      });
    },
    take(run: (job: Job) => void): void {
      const job = jobs.shift();
      if (job) run(job);
      else idle.push(run);
    },
  };
}
