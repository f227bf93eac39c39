import type { SQSRecord } from 'aws-lambda';
import { JOB_MAX_FAILURES } from '../../lib/contract.ts';
import { isPlumeError, PlumeError, shouldPostpone } from '../../lib/errors.ts';
import type { Now } from '../../lib/platform/clock.ts';
import { readText } from '../../lib/platform/read-text.ts';
import type { PlumeApi } from '../../lib/plume/api.ts';
import { errorFields } from '../../lib/telemetry/error-fields.ts';
import type { Telemetry } from '../../lib/telemetry/telemetry.ts';
import { type Job, type Journey, journeyOf, parseJob } from './job.ts';
import type { Queues } from './queues.ts';
import { MAX_RESULT_BYTES, resultMessage } from './result.ts';

/** `retry`: SQS shows the message again and counts the failure. All else is settled: the message may be deleted. */
export type JobEnd = 'done' | 'postponed' | 'buried' | 'retry';

export interface JobDependencies {
  readonly client: string;
  readonly api: Pick<PlumeApi, 'fetch' | 'redact'>;
  readonly queues: Queues;
  readonly now: Now;
  readonly telemetry: Telemetry;
  /** In [0, 1). */
  readonly random: () => number;
}

/** A job that has only ever been postponed ends some day: copies would live for ever. */
const MAX_AGE_MS = 4 * 86_400_000;
/** The wait where an error that passes by itself does not say when. */
const DEFAULT_DELAY_MS = 30_000;
/** The same where somebody must correct a secret first: as long as SQS delays a message. */
const REPAIR_DELAY_MS = 900_000;

/** The API did not judge the job: it may be done when it is tried again. */
export class JobFailedError extends PlumeError<'job_failed'> {
  override readonly name = 'JobFailedError';

  constructor(client: string, status?: number) {
    const what =
      status === undefined ? 'ended with an unexpected error' : `was answered with status ${status}`;
    super('job_failed', `a job of client ${client} ${what}; it is tried again and set aside in the end`, {
      client,
    });
  }
}

/** 401 means that a second token was rejected as well. */
function isFailure(status: number): boolean {
  return status === 401 || status === 408 || status === 429 || status >= 500;
}

/** Does one job, and never throws: what cannot be settled is `retry`. */
export async function processJob(record: SQSRecord, dependencies: JobDependencies): Promise<JobEnd> {
  const { client, now, telemetry } = dependencies;
  const journey = journeyOf(record);
  const ageMs = Math.max(0, now() - journey.submittedAtMs);
  telemetry.metric('JobAge', Math.round(ageMs / 1000), { client });
  const end = await endOf(record, journey, dependencies);
  telemetry.metric('JobDone', end === 'done' ? 1 : 0, { client });
  return end;
}

async function endOf(record: SQSRecord, journey: Journey, dependencies: JobDependencies): Promise<JobEnd> {
  const { client, queues, telemetry } = dependencies;
  try {
    const job = parseJob(record.body);
    const result = await call(job, journey, dependencies);
    await queues.sendResult(result);
    return 'done';
  } catch (error) {
    telemetry.log('warn', 'a job was not done', { client, jobId: journey.jobId, error: errorFields(error) });
    try {
      return await settle(error, record, journey, dependencies);
    } catch (settleError) {
      telemetry.log('error', 'a job could not be put away and is left to the queue', {
        client,
        jobId: journey.jobId,
        error: errorFields(settleError),
      });
      return 'retry';
    }
  }
}

/** @returns the message of the result. Once the API has judged the job, nothing about its answer fails any more. */
async function call(
  job: Job,
  { jobId }: Journey,
  { api: { fetch, redact }, client }: JobDependencies,
): Promise<string> {
  const response = await fetch(job.path, {
    method: job.method,
    headers: { accept: 'application/json' },
    json: job.body,
  });
  const { status } = response;
  if (isFailure(status)) {
    await response.body?.cancel();
    throw new JobFailedError(client, status);
  }
  const text = await readText(response, MAX_RESULT_BYTES).catch(() => undefined);
  return resultMessage({ id: jobId, status }, text, redact);
}

async function settle(
  error: unknown,
  { body }: SQSRecord,
  journey: Journey,
  { client, queues, now, telemetry, random }: JobDependencies,
): Promise<JobEnd> {
  const { code, kind, retryAtMs } = isPlumeError(error) ? error : new JobFailedError(client);
  const isTooOld = now() - journey.submittedAtMs > MAX_AGE_MS;

  if (shouldPostpone(error) && !isTooOld) {
    const unknownMs = code === 'token_unavailable' ? REPAIR_DELAY_MS : DEFAULT_DELAY_MS;
    const delayMs = retryAtMs === undefined ? unknownMs : Math.max(0, retryAtMs - now());
    // Those who were told the same moment must not all come back at it.
    await queues.postpone(body, journey, Math.ceil((delayMs * (1 + random() / 10)) / 1000 + random()));
    telemetry.metric('JobPostponed', 1, { client });
    return 'postponed';
  }
  if (kind === 'give up' || isTooOld || journey.failures + 1 >= JOB_MAX_FAILURES) {
    await queues.bury(body, journey, code);
    telemetry.metric('JobDead', 1, { client });
    return 'buried';
  }
  telemetry.metric('JobFailed', 1, { client });
  return 'retry';
}
