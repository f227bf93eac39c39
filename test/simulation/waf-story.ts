import { createMemoryTicketCounter } from '../../infra/testing/memory-ticket-counter.ts';
import { createCallBudget } from '../../lib/budget/call-budget.ts';
import { type BudgetSettings, DEFAULT_BUDGET_SETTINGS } from '../../lib/budget/settings.ts';
import { isPlumeError, PlumeError } from '../../lib/errors.ts';
import type { Telemetry } from '../../lib/telemetry/telemetry.ts';
import type { WafRefusal } from '../../lib/waf/circuit-breaker.ts';
import { createVirtualTime } from '../fixtures/virtual-time/time.ts';
import { createEngine, type EngineFaults } from './engine.ts';
import { createInstance } from './instance.ts';
import { connectCounter } from './limiter.ts';
import { createRandom, type Random } from './random.ts';

/** One job of a worker: calls in a row, of which the WAF may refuse some for what they hold. */
export interface StoryJob {
  readonly calls: number;
  readonly isPoison?: boolean;
}

export interface WafStory {
  readonly workers: number;
  readonly seed: number;
  readonly durationMs: number;
  /** The next job of a worker that is free: work never ends. */
  readonly nextJob: (random: Random) => StoryJob;
  /** Whether the WAF refuses a call that reaches it `atMs` after the start. */
  readonly refuses: (atMs: number, job: StoryJob) => boolean;
  /** How long a call that passes takes. @default about 350 ms */
  readonly apiMs?: (random: Random) => number;
  readonly faults?: EngineFaults;
  /** Runs beside the story, such as to break something. */
  readonly meanwhile?: (scene: StoryScene) => void;
}

/** What a story's `meanwhile` may touch. Times are since the start. */
export interface StoryScene {
  readonly counter: ReturnType<typeof createMemoryTicketCounter>;
  at(atMs: number, event: () => void): void;
  /** Calls that reached the WAF, latest last. */
  readonly calls: readonly StoryCall[];
  /** The instances of the workers. */
  readonly instances: readonly { kill(): void }[];
}

export interface StoryCall {
  readonly atMs: number;
  readonly worker: number;
  readonly refused: boolean;
}

export interface StoryEnd {
  readonly calls: readonly StoryCall[];
  /** Jobs whose every call passed. */
  readonly done: number;
  readonly refusals: readonly {
    readonly atMs: number;
    readonly isPoison: boolean;
    readonly refusal: WafRefusal;
  }[];
  /** How long the breaker was open or half-open. */
  readonly openMs: number;
  /** Requests to the counter. */
  readonly requests: number;
}

const SETTINGS: BudgetSettings = DEFAULT_BUDGET_SETTINGS;
/** How long an invocation waits for a ticket before it hands its job back. */
const PATIENCE_MS = 20_000;
/** The WAF refuses quickly. */
const REFUSAL_MS = 100;

class RefusedError extends PlumeError<'waf_blocked'> {
  readonly refusal: WafRefusal;

  constructor(refusal: WafRefusal) {
    super('waf_blocked', 'refused', { retryAtMs: refusal.retryAtMs });
    this.refusal = refusal;
  }
}

/** Saturating workers with the library's own budget behind a WAF that refuses as the story says, on virtual time. */
export async function tellWafStory(story: WafStory): Promise<StoryEnd> {
  const random = createRandom(story.seed);
  const startMs = 1_700_000_000_000;
  const time = createVirtualTime(startMs);
  const engine = createEngine(time, random, story.faults ?? { lostResponses: 0 });
  const counter = createMemoryTicketCounter();
  counter.moveTo('worker', startMs);
  const calls: StoryCall[] = [];
  const refusals: StoryEnd['refusals'][number][] = [];
  const elapsed = (): number => time.now() - startMs;
  let done = 0;

  const instances = Array.from({ length: story.workers }, (_, worker) => {
    const instance = createInstance(time, 0);
    const telemetry: Telemetry = { metric: () => {}, log: () => {} };
    const budget = createCallBudget({
      settings: SETTINGS,
      counter: connectCounter(counter, (operation) => engine.call(instance, operation)),
      clock: instance.clock,
      telemetry,
      random: random.next,
    });
    const call = async (job: StoryJob): Promise<'passed' | 'refused'> => {
      await instance.delay(20);
      const refused = story.refuses(elapsed(), job);
      calls.push({ atMs: elapsed(), worker, refused });
      await instance.delay(refused ? REFUSAL_MS : (story.apiMs?.(random) ?? random.lognormal(350, 0.3)));
      return refused ? 'refused' : 'passed';
    };
    const work = async (): Promise<never> => {
      await instance.delay(random.between(0, 2_000));
      for (;;) {
        const job = story.nextJob(random);
        const book = budget.openBook({ calls: job.calls, patienceMs: () => PATIENCE_MS });
        try {
          for (let left = job.calls; left > 0; left -= 1) {
            await book.attempt(() => call(job), {
              waf: {
                isRefusal: (answer) => answer === 'refused',
                toError: (_, refusal) => new RefusedError(refusal),
              },
            });
          }
          done += 1;
        } catch (error) {
          if (!isPlumeError(error)) throw error;
          if (error instanceof RefusedError) {
            refusals.push({ atMs: elapsed(), isPoison: job.isPoison === true, refusal: error.refusal });
          } else {
            // A queue's delay: whole seconds, and a tenth more at most.
            const delayMs = Math.max(0, (error.retryAtMs ?? 0) - instance.clock.now());
            await instance.delay(
              1_000 * Math.ceil((delayMs * (1 + random.next() / 10)) / 1_000 + random.next()),
            );
          }
        } finally {
          book.close();
        }
      }
    };
    void work();
    return instance;
  });

  story.meanwhile?.({ counter, calls, instances, at: (atMs, event) => time.at(startMs + atMs, event) });
  let openMs = 0;
  for (let atMs = 0; atMs < story.durationMs; atMs += STEP_MS) {
    await time.run(startMs + atMs);
    const { breaker } = await counter.read('worker');
    if (breaker.blockedUntilMs !== undefined) openMs += STEP_MS;
  }
  return { calls, done, refusals, openMs, requests: engine.requests };
}

const STEP_MS = 100;
