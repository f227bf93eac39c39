import { setTimeout as sleep } from 'node:timers/promises';
import { GetQueueAttributesCommand, type SQSClient } from '@aws-sdk/client-sqs';

import { createFacts, type Facts } from './facts.ts';
import { injectFaults } from './faults.ts';
import { collectResults, submitJobs } from './jobs.ts';
import type { Profile } from './profile.ts';
import { createReport, type Report } from './report.ts';
import { apply, createRunState, type RunState } from './run-state.ts';
import { startWorld, type World } from './world.ts';

export interface RunOptions {
  readonly profile: Profile;
  readonly durationMs: number;
  readonly workers: number;
  readonly faults: boolean;
  readonly dynamodbUrl: string | undefined;
  /** Ends the run early; the report says what happened so far. */
  readonly signal: AbortSignal;
  /** Called when the world stands; returns the function that ends the watching. */
  readonly watch: (facts: Facts, state: RunState, startedAtMs: number) => () => void;
}

/** The share of the run in which jobs are submitted; the rest is for the queue to drain. */
const SUBMITTING = 0.7;
/** Jobs that are there from the beginning, as a time's worth of calls. */
const BACKLOG_MS = 2_000;
/** The share of the workers' rate at which jobs come in after that. */
const DEMAND = 0.85;
/** One run from the first server to the last, and what it came to. */
export async function run(options: RunOptions): Promise<Report> {
  const { profile, workers, dynamodbUrl, signal, watch } = options;
  const facts = createFacts(now);
  const state = createRunState(profile.budget.windowMs);
  facts.subscribe((fact) => apply(state, fact));
  const world = await startWorld({ profile, workers, facts, now, dynamodbUrl });
  try {
    const startedAtMs = now();
    const unwatch = watch(facts, state, startedAtMs);
    await operate(world, facts, state, options).finally(unwatch);
    const endedAtMs = now();
    return createReport(state, profile, {
      startedAtMs,
      endedAtMs,
      interrupted: signal.aborted,
      // In this order: a job that is done meanwhile is counted twice rather than not at all.
      jobsInQueue:
        (await countMessages(world.sqs, world.queues.jobs)) +
        (await countMessages(world.sqs, world.queues.results)),
      jobsInDeadLetterQueue: await countMessages(world.sqs, world.queues.deadLetters),
      inspection: await inspect(world),
    });
  } finally {
    await world.stop();
  }
}

/** Until the time is over and every job and every fault is done with, or the signal aborts. */
async function operate(world: World, facts: Facts, state: RunState, options: RunOptions): Promise<void> {
  const { profile, durationMs } = options;
  const { sqs, queues, cloud, worker } = world;
  const { record } = facts;
  const over = new AbortController();
  const signal = AbortSignal.any([options.signal, over.signal]);
  const perSecond = (1000 / profile.budget.worker.intervalMs) * DEMAND;

  const collecting = collectResults(sqs, queues.results, record, signal);
  const working = Promise.all([
    submitJobs({
      sqs,
      queueUrl: queues.jobs,
      backlog: Math.round((perSecond * BACKLOG_MS) / 1000),
      perSecond,
      durationMs: SUBMITTING * durationMs,
      record,
      signal,
    }),
    options.faults &&
      injectFaults({
        facts,
        cloud,
        worker,
        client: profile.clients[0]?.name ?? '',
        tickMs: profile.token.tickMs,
        durationMs,
        isDone: (job) => state.latencies.has(job),
        signal,
      }),
    sleep(durationMs, undefined, { signal }),
  ]).then(async () => {
    while (state.latencies.size < state.submitted.size) await sleep(50, undefined, { signal });
  });
  try {
    await Promise.race([collecting, working, sleep(durationMs + maxDrainMs(profile), undefined, { signal })]);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    over.abort();
  }
  await collecting;
}

/**
 * How much longer than planned a run may take until its jobs are done: as long as two instances that die one after the
 * other hide their messages, a counter's first silence, and the calls of the whole line.
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

async function inspect({ inspector }: World): Promise<unknown> {
  const result = await inspector.invoke('{}');
  return result.ok ? JSON.parse(result.payload) : { error: result.error.errorType };
}

/** Unix milliseconds that never go back, whatever happens to the machine's clock. */
function now(): number {
  return performance.timeOrigin + performance.now();
}
