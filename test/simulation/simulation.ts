import { DEFAULT_BUDGET_SETTINGS } from '../../lib/budget/settings.ts';
import { isPlumeError } from '../../lib/errors.ts';
import { createVirtualTime, type VirtualTime } from '../fixtures/virtual-time/time.ts';
import { arrivals, type Demand, WARM_UP_MS } from './demand.ts';
import { createEngine } from './engine.ts';
import { createInstance } from './instance.ts';
import { createTicketLimiter, type Limiter, type LimiterName, type World } from './limiter.ts';
import { createRandom, type Random } from './random.ts';
import { quantile, rollingWindow } from './rolling-window.ts';
import { createFixedWindowLimiter, createSlidingCountersLimiter } from './window-limiters.ts';

export interface SimulationOptions {
  readonly limiter: LimiterName;
  readonly demand: Demand;
  readonly workers: number;
  readonly seed: number;
  /** Virtual time. */
  readonly durationMs: number;
  /** `skewed`: up to the allowance off, and one worker's by a minute, which only tickets correct. @default equal */
  readonly clocks?: 'equal' | 'skewed';
  /** Calls of a job, in the mean. @default 10 */
  readonly callsPerJob?: number;
}

export interface SimulationResult {
  readonly bound: number;
  readonly largestWindow: number;
  readonly beyondLimit: number;
  /** Calls after the warm-up, against what the limit allows in that time. */
  readonly shareOfLimit: number;
  /** The same against the configured rate of both streams: 1 if the demand saturates it. */
  readonly shareOfRate: number;
  readonly requestsPerCall: number;
  /** Calls in the fullest second. */
  readonly mostInASecond: number;
  readonly waitP50Ms: number;
  readonly waitP99Ms: number;
  readonly minterWaitP99Ms: number;
  readonly minterWaitMaxMs: number;
}

const SETTINGS = DEFAULT_BUDGET_SETTINGS;
/** How long an invocation waits for a ticket before it hands its job back. */
const MAX_WAIT_MS = 20_000;
const MINTER_EVERY_MS = 20_000;
const REDELIVERY_MS = 60_000;
const RESTART_MS = 1_000;
const ROGUE_SKEW_MS = 60_000;

const LIMITERS: Record<LimiterName, (world: World) => Limiter> = {
  tickets: createTicketLimiter,
  'fixed window': createFixedWindowLimiter,
  'sliding counters': createSlidingCountersLimiter,
};

interface Job {
  left: number;
  /** When its next call was first wanted. */
  wantedMs: number;
}

/** One run: many workers, one minter, one limiter, one WAF that counts and never refuses. */
export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const random = createRandom(options.seed);
  const startMs = 1_700_000_000_000 + Math.floor(random.between(0, SETTINGS.windowMs));
  const endMs = startMs + options.durationMs;
  const time = createVirtualTime(startMs);
  const engine = createEngine(time, random, {
    lostResponses: 0.001,
    ...(options.demand === 'outage' && {
      outage: { fromMs: startMs + options.durationMs / 2, toMs: startMs + options.durationMs / 2 + 120_000 },
    }),
  });
  const limiter = LIMITERS[options.limiter]({ settings: SETTINGS, time, engine, random });
  const seen = { arrivalsMs: [] as number[], waitsMs: [] as number[], minterWaitsMs: [] as number[] };
  const queue = createQueue(time);
  const measureFromMs = startMs + WARM_UP_MS;
  const { clocks = 'equal', callsPerJob = 10 } = options;
  const skewOf = (): number =>
    clocks === 'equal' ? 0 : random.between(-SETTINGS.clockAllowanceMs, SETTINGS.clockAllowanceMs);
  const scene: Scene = { time, random, limiter, queue, measureFromMs, seen, skewOf };

  for (let index = 0; index < options.workers; index += 1) {
    startWorker(scene, clocks === 'skewed' && index === 0);
  }
  startMinter(scene);
  const span = { startMs, endMs, windowMs: SETTINGS.windowMs };
  const demand = arrivals(options.demand, span, callsPerJob, random);
  for (const { atMs, calls } of demand) queue.put({ left: calls, wantedMs: atMs }, atMs);
  await time.run(endMs);

  const { largest, beyondLimit } = rollingWindow(seen.arrivalsMs, SETTINGS.windowMs, SETTINGS.limit);
  const measured = seen.arrivalsMs.filter((atMs) => atMs >= measureFromMs).length;
  const perMs = measured / (options.durationMs - WARM_UP_MS);
  const workerRate = 1 / SETTINGS.worker.intervalMs;
  const minterRate = 1 / MINTER_EVERY_MS;
  return {
    bound: limiter.bound,
    largestWindow: largest,
    beyondLimit,
    shareOfLimit: (perMs * SETTINGS.windowMs) / SETTINGS.limit,
    shareOfRate: (perMs - minterRate) / workerRate,
    requestsPerCall: engine.requests / seen.arrivalsMs.length,
    mostInASecond: rollingWindow(seen.arrivalsMs, 1_000, SETTINGS.limit).largest,
    waitP50Ms: quantile(seen.waitsMs, 0.5),
    waitP99Ms: quantile(seen.waitsMs, 0.99),
    minterWaitP99Ms: quantile(seen.minterWaitsMs, 0.99),
    minterWaitMaxMs: quantile(seen.minterWaitsMs, 1),
  };
}

interface Scene {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly limiter: Limiter;
  readonly queue: Queue;
  /** A new counter's silence is over, and shows no more in the waits. */
  readonly measureFromMs: number;
  /** How far an instance's clock is off. */
  readonly skewOf: () => number;
  readonly seen: { arrivalsMs: number[]; waitsMs: number[]; minterWaitsMs: number[] };
}

/** One place in the fleet: an instance takes job after job, until it dies and another takes its place. */
function startWorker(scene: Scene, rogue = false): void {
  const { time, random, limiter, queue, measureFromMs, seen } = scene;
  const instance = createInstance(time, rogue ? ROGUE_SKEW_MS : scene.skewOf());
  const openBook = limiter.connect(instance, 'worker', rogue);

  const run = async (job: Job): Promise<void> => {
    if (random.chance(0.003)) {
      time.at(time.now() + random.between(0, 3_000), () => {
        instance.kill();
        if (job.left > 0) queue.put(job, time.now() + REDELIVERY_MS);
        time.at(time.now() + RESTART_MS, () => startWorker(scene, rogue));
      });
    } else if (random.chance(0.002)) {
      time.at(time.now() + random.between(0, 3_000), () => instance.freeze(random.between(1_000, 600_000)));
    }
    const book = openBook({ calls: job.left, patienceMs: () => MAX_WAIT_MS });
    try {
      while (job.left > 0) {
        await book.attempt(() => {
          job.left -= 1;
          if (job.wantedMs >= measureFromMs) seen.waitsMs.push(time.now() - job.wantedMs);
          const onTheWayMs = networkDelay(random);
          time.at(time.now() + onTheWayMs, () => seen.arrivalsMs.push(time.now()));
          return instance.delay(onTheWayMs + random.lognormal(350, 0.3));
        });
        job.wantedMs = time.now();
      }
    } catch (error) {
      if (!isPlumeError(error)) throw error;
      // The queue counts a delay, so a clock that is off does not matter.
      queue.put(job, time.now() + Math.max((error.retryAtMs ?? 0) - instance.clock.now(), 1_000));
    } finally {
      book.close();
    }
    queue.take(run);
  };
  queue.take(run);
}

function startMinter({ time, random, limiter, measureFromMs, seen, skewOf }: Scene): void {
  const instance = createInstance(time, skewOf());
  const openBook = limiter.connect(instance, 'minter', false);
  const mint = async (): Promise<void> => {
    time.at(time.now() + MINTER_EVERY_MS, mint);
    const wantedMs = time.now();
    for (let retry = true; retry; ) {
      const book = openBook({ patienceMs: () => MAX_WAIT_MS });
      retry = false;
      try {
        await book.attempt(() => {
          seen.minterWaitsMs.push(time.now() - wantedMs);
          const onTheWayMs = networkDelay(random);
          time.at(time.now() + onTheWayMs, () => seen.arrivalsMs.push(time.now()));
          return instance.delay(onTheWayMs);
        });
      } catch (error) {
        if (!isPlumeError(error)) throw error;
        // While the engine is away nobody has a ticket: the next tick tries again, and that is no matter of waiting.
        if (error.code !== 'budget_exhausted') break;
        retry = true;
        await instance.delay(Math.max((error.retryAtMs ?? 0) - instance.clock.now(), 1_000));
      } finally {
        book.close();
      }
    }
  };
  time.at(measureFromMs, mint);
  // The first call of all finds no counter, and begins its silence.
  void openBook({ patienceMs: () => 0 })
    .attempt(() => undefined)
    .catch(() => {});
}

interface Queue {
  put(job: Job, atMs: number): void;
  take(run: (job: Job) => Promise<void>): void;
}

function createQueue(time: VirtualTime): Queue {
  const jobs: Job[] = [];
  const idle: ((job: Job) => Promise<void>)[] = [];
  return {
    put(job, atMs) {
      time.at(atMs, () => {
        const run = idle.shift();
        if (run) void run(job);
        else jobs.push(job);
      });
    },
    take(run) {
      const job = jobs.shift();
      if (job) void run(job);
      else idle.push(run);
    },
  };
}

function networkDelay(random: Random): number {
  return Math.min(SETTINGS.networkDelayMs, random.lognormal(40, 1));
}
