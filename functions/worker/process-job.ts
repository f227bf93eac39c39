import { JOB_MAX_FAILURES } from '../../lib/contract.ts';
import { isPlumeError, PlumeError, shouldPostpone } from '../../lib/errors.ts';
import type { Now } from '../../lib/platform/clock.ts';
import { readText } from '../../lib/platform/read-text.ts';
import { headersOf } from '../../lib/plume/answer-headers.ts';
import type { PlumeApi } from '../../lib/plume/api.ts';
import { errorFields } from '../../lib/telemetry/error-fields.ts';
import { withLogFields } from '../../lib/telemetry/log-fields.ts';
import type { Telemetry } from '../../lib/telemetry/telemetry.ts';
import { WafBlockedError } from '../../lib/waf/errors.ts';
import { countRefusal } from './count-refusal.ts';
import type { Envelope } from './envelope.ts';
import type { Job, TakenJob } from './job.ts';
import type { Queues } from './queues.ts';
import { MAX_RESULT_BYTES, resultMessage } from './result.ts';

/** `retry`: SQS shows the message again and counts the failure. Every other outcome is settled: the message may be deleted. */
export type JobEnd = 'done' | 'postponed' | 'dead-lettered' | 'retry';

export interface JobDependencies {
  readonly api: Pick<PlumeApi, 'fetch' | 'redact'>;
  readonly queues: Queues;
  readonly now: Now;
  readonly telemetry: Telemetry;
  /** Of the WAF: how long a block may last before it counts against a job. */
  readonly windowMs: number;
  /** Whether each job that is done has a line in the log. */
  readonly logsDone: boolean;
  /** In [0, 1). */
  readonly random: () => number;
}

/** A job that has only ever been postponed ends some day: copies would live for ever. */
const MAX_AGE_MS = 4 * 86_400_000;
/** The wait where an error that passes by itself does not say when. */
const DEFAULT_DELAY_MS = 30_000;
/** The same if a person must correct a secret first: the longest that SQS delays a message. */
const REPAIR_DELAY_MS = 900_000;
/** The longest wait for the budget, whatever it says: an operator may lift a block or end a pause at any time. */
const MAX_BUDGET_DELAY_MS = 45_000;

/** The API did not judge the job: it may be done when it is tried again. */
export class JobFailedError extends PlumeError<'job_failed'> {
  override readonly name = 'JobFailedError';
  /** The API's HTTP status; absent if there was an unexpected error. */
  declare readonly status?: number;

  constructor(client: string, status?: number) {
    const what =
      status === undefined ? 'ended with an unexpected error' : `was answered with status ${status}`;
    super(
      'job_failed',
      `a job of client ${client} ${what}; it is tried again, and dead-lettered after ${JOB_MAX_FAILURES} failures`,
      { client },
    );
    if (status !== undefined) this.status = status;
  }
}

/** 401 means that a second token was rejected as well. */
function isFailure(status: number): boolean {
  return status === 401 || status === 408 || status === 429 || status >= 500;
}

/** Does one job, and never throws: what cannot be settled is `retry`. */
export function processJob(taken: TakenJob, dependencies: JobDependencies): Promise<JobEnd> {
  return withLogFields({ jobId: taken.envelope.jobId }, () => process(taken, dependencies));
}

async function process(taken: TakenJob, dependencies: JobDependencies): Promise<JobEnd> {
  const { client, job, envelope } = taken;
  const { now, telemetry, logsDone } = dependencies;
  const startedMs = now();
  const ageMs = Math.max(0, startedMs - envelope.submittedAtMs);
  const { end, status, error } = await outcomeOf(taken, dependencies);
  // A job that waits because an operator paused the budget does not count as standing work.
  if (!(isPlumeError(error) && error.code === 'budget_paused'))
    telemetry.metric('JobAge', Math.round(ageMs / 1000), { client });
  telemetry.metric('JobDone', end === 'done' ? 1 : 0, { client });
  if (end !== 'done' || logsDone)
    telemetry.log(
      end === 'done' ? 'info' : 'warn',
      end === 'done' ? 'a job was done' : 'a job was not done',
      {
        client,
        end,
        status,
        durationMs: now() - startedMs,
        ageMs,
        failures: envelope.failures,
        // Without its query, which can hold personal data.
        ...(!isPlumeError(job) && { method: job.method, path: job.path.replace(/[?#].*/s, '') }),
        ...(error !== undefined && { error: errorFields(error) }),
      },
    );
  return end;
}

interface Outcome {
  readonly end: JobEnd;
  /** The API's HTTP status, if it answered. */
  readonly status?: number | undefined;
  readonly error?: unknown;
}

async function outcomeOf(taken: TakenJob, dependencies: JobDependencies): Promise<Outcome> {
  const { client, job } = taken;
  try {
    if (isPlumeError(job)) throw job;
    return { end: 'done', status: await call(job, taken.envelope, dependencies) };
  } catch (error) {
    const status = error instanceof JobFailedError ? error.status : undefined;
    try {
      return { end: await putAway(error, taken, dependencies), status, error };
    } catch (queueError) {
      dependencies.telemetry.log(
        'error',
        'a job could not be sent to its next queue, so SQS delivers it again',
        {
          client,
          error: errorFields(queueError),
        },
      );
      return { end: 'retry', status, error };
    }
  }
}

/**
 * Once the API has judged the job, nothing about its answer fails any more.
 *
 * @returns its status
 */
async function call(
  job: Job,
  { jobId, attributes }: Envelope,
  { api, queues }: JobDependencies,
): Promise<number> {
  const headers = new Headers(job.headers);
  if (!headers.has('accept')) headers.set('accept', 'application/json');
  const response = await api.fetch(job.path, { method: job.method, headers, json: job.body });
  const { status } = response;
  if (isFailure(status)) {
    await response.body?.cancel();
    throw new JobFailedError(job.client, status);
  }
  const head = { id: jobId, status, headers: headersOf(response) };
  const text = await readText(response, MAX_RESULT_BYTES).catch(() => undefined);
  const message = resultMessage(head, text, api.redact);
  if (await queues.sendResult(message, attributes, job.results)) return status;
  const short = resultMessage({ ...head, headers: {} }, undefined, api.redact);
  if (await queues.sendResult(short, {}, job.results)) return status;
  throw new JobFailedError(job.client);
}

/** Postpones or dead-letters the job, or leaves it to the job queue. */
async function putAway(
  error: unknown,
  { client, body, envelope: before }: TakenJob,
  { queues, windowMs, now, telemetry, random }: JobDependencies,
): Promise<JobEnd> {
  const refusal = error instanceof WafBlockedError && countRefusal(before.refused, error, windowMs);
  const envelope = refusal
    ? { ...before, failures: before.failures + (refusal.counts ? 1 : 0), refused: refusal.carries }
    : before;
  const { code, kind, retryAtMs } = isPlumeError(error) ? error : new JobFailedError(client);
  const isTooOld = now() - envelope.submittedAtMs > MAX_AGE_MS;
  // The WAF refuses this job again and again, and others' calls pass.
  const isPoison = refusal !== false && envelope.failures >= JOB_MAX_FAILURES;

  if (shouldPostpone(error) && !isTooOld && !isPoison) {
    const unknownMs = code === 'token_unavailable' ? REPAIR_DELAY_MS : DEFAULT_DELAY_MS;
    const wantedMs = retryAtMs === undefined ? unknownMs : Math.max(0, retryAtMs - now());
    const delayMs = code.startsWith('budget_') ? Math.min(wantedMs, MAX_BUDGET_DELAY_MS) : wantedMs;
    // Jobs with the same retry moment must not all be tried at that moment.
    await queues.postpone(body, envelope, Math.ceil((delayMs * (1 + random() / 10)) / 1000 + random()));
    telemetry.metric('JobPostponed', 1, { client });
    return 'postponed';
  }
  if (kind === 'give up' || isTooOld || isPoison || envelope.failures + 1 >= JOB_MAX_FAILURES) {
    await queues.deadLetter(body, envelope, code);
    telemetry.metric('JobDead', 1, { client });
    return 'dead-lettered';
  }
  telemetry.metric('JobFailed', 1, { client });
  return 'retry';
}
