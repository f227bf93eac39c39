import { setTimeout as sleep } from 'node:timers/promises';
import { GetQueueAttributesCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { Load } from '../faults/fault.ts';
import { createFaultDesk, type FaultDesk } from '../faults/fault-desk.ts';
import { injectFaults } from '../faults/inject-faults.ts';
import { type Deployment, startDeployment } from './deployment.ts';
import { createEventLog, type EventLog, type RunEvent } from './events.ts';
import { createHistory } from './history.ts';
import { collectResults, submitJobs } from './jobs.ts';
import type { Profile } from './profile.ts';
import { createReport, type Report } from './report.ts';
import { apply, createRunState, type RunState } from './run-state.ts';

export interface RunOptions {
  readonly profile: Profile;
  readonly durationMs: number;
  readonly workers: number;
  readonly faults: boolean;
  readonly dynamodbUrl: string | undefined;
  /** Ends the run early; the report says what happened so far. */
  readonly signal: AbortSignal;
  /** Called when the deployment stands; returns the function that ends the watching. */
  readonly watch: (run: RunUnderWay) => () => void;
}

/** A run, as the page and the report see it. */
export interface RunUnderWay {
  readonly events: EventLog;
  /** What happened while the deployment was set up. */
  readonly earlier: readonly RunEvent[];
  readonly state: RunState;
  readonly startedAtMs: number;
  /** For how long work comes in. */
  readonly durationMs: number;
  /** Unix milliseconds that never go back: the run's clock. */
  readonly now: () => number;
  readonly deployment: Pick<Deployment, 'sqs' | 'queues' | 'outputs' | 'inspector' | 'operator'>;
  readonly faultDesk: FaultDesk;
}

/** Jobs that are there from the beginning, as a time's worth of calls. */
const BACKLOG_MS = 2_000;
/** The share of the workers' rate at which jobs come in after that. */
const DEMAND = 0.75;

/** One run from the first server to the last, and what it came to. */
export async function run(options: RunOptions): Promise<Report> {
  const { profile, workers, dynamodbUrl, watch } = options;
  const events = createEventLog(now);
  const state = createRunState(profile.budget.windowMs);
  events.subscribe((event) => apply(state, event));
  const history = createHistory();
  events.subscribe(history.add);
  const earlier: RunEvent[] = [];
  const stopCollecting = events.subscribe((event) => earlier.push(event));
  const deployment = await startDeployment({ profile, workers, events, now, dynamodbUrl });
  const over = new AbortController();
  const signal = AbortSignal.any([options.signal, over.signal]);
  const load: Load = { factor: 1 };
  const isDone = (job: string): boolean => state.latencies.has(job);
  const openJobs = (): string[] => [...state.submitted.keys()].filter((job) => !isDone(job));
  const faultDesk = createFaultDesk({ events, deployment, profile, load, isDone, openJobs, signal });
  try {
    const startedAtMs = now();
    stopCollecting();
    const unwatch = watch({
      events,
      earlier,
      state,
      startedAtMs,
      durationMs: options.durationMs,
      now,
      deployment,
      faultDesk,
    });
    await operate({ events, state, deployment, load, faultDesk }, { ...options, signal }).finally(() => {
      over.abort();
      unwatch();
    });
    const endedAtMs = now();
    return createReport(state, profile, {
      startedAtMs,
      endedAtMs,
      interrupted: options.signal.aborted,
      // In this order: a job that is done meanwhile is counted twice rather than not at all.
      jobsInQueue:
        (await countMessages(deployment.sqs, deployment.queues.jobs)) +
        (await countMessages(deployment.sqs, deployment.queues.results)),
      jobsInDeadLetterQueue: await countMessages(deployment.sqs, deployment.queues.deadLetters),
      inspection: await inspect(deployment),
      historyErrors: history.errors(),
      grants: history.grants(),
    });
  } finally {
    await deployment.stop();
  }
}

interface Operated {
  readonly events: EventLog;
  readonly state: RunState;
  readonly deployment: Deployment;
  readonly load: Load;
  readonly faultDesk: FaultDesk;
}

/** Until the time is over and every job and every fault is done with, or the signal aborts. */
async function operate(
  { events: { record }, state, deployment: { sqs, queues, worker }, load, faultDesk }: Operated,
  { profile, durationMs, faults, signal }: RunOptions,
): Promise<void> {
  const perSecond = (1000 / profile.budget.worker.intervalMs) * DEMAND;
  const endsSubmittingMs = performance.now() + durationMs;
  const drained = new AbortController();
  const collecting = collectResults(sqs, queues.results, record, AbortSignal.any([signal, drained.signal]));
  const working = Promise.all([
    submitJobs({
      sqs,
      queueUrl: queues.jobs,
      backlog: Math.round((perSecond * BACKLOG_MS) / 1000),
      perSecond: () => perSecond * load.factor,
      next() {
        if (performance.now() < endsSubmittingMs) return 'submit';
        faultDesk.close();
        if (faultDesk.isIdle()) return 'end';
        // Only work shows that the system has recovered.
        return state.latencies.size < state.submitted.size ? 'pause' : 'submit';
      },
      record,
      signal,
    }),
    faults && injectFaults(faultDesk, durationMs, signal),
    sleep(durationMs, undefined, { signal }),
  ]);
  try {
    // The reader of results ends by itself only if it fails.
    await Promise.race([collecting, working]);
    const waitingMs = (state.submitted.size - state.latencies.size) * profile.budget.worker.intervalMs;
    const lastMs = performance.now() + waitingMs + maxDrainMs(profile);
    // A job's result comes before the end of its invocation, and what the invocation says of it comes with the end.
    const isWorking = (): boolean =>
      state.latencies.size < state.submitted.size || worker.pool.busy().length > 0;
    while (isWorking() && performance.now() < lastMs)
      await Promise.race([collecting, sleep(50, undefined, { signal })]);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    drained.abort();
  }
  await collecting;
}

/**
 * How much longer than its calls take a run may take until its jobs are done: as long as two instances that die one
 * after the other hide their messages, a counter's first silence, and the calls of the whole line.
 */
function maxDrainMs({ budget, worker }: Profile): number {
  const { clockAllowanceMs, networkDelayMs } = budget;
  const silenceMs = budget.worker.horizonMs + 2 * clockAllowanceMs + networkDelayMs;
  return 2 * 1000 * worker.visibilitySeconds + silenceMs + 2 * budget.worker.horizonMs;
}

/** Those that can be received, those that are being worked on, and those that wait for their time. */
async function countMessages(sqs: SQSClient, queueUrl: string): Promise<number> {
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl: queueUrl,
      AttributeNames: [
        'ApproximateNumberOfMessages',
        'ApproximateNumberOfMessagesNotVisible',
        'ApproximateNumberOfMessagesDelayed',
      ],
    }),
  );
  return Object.values(Attributes).reduce((sum, count) => sum + Number(count), 0);
}

async function inspect({ inspector }: Deployment): Promise<unknown> {
  const result = await inspector.invoke('{}');
  return result.ok ? JSON.parse(result.payload) : { error: result.error.errorType };
}

/** Unix milliseconds that never go back, whatever happens to the machine's clock. */
function now(): number {
  return performance.timeOrigin + performance.now();
}
