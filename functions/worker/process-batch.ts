import type { SQSBatchResponse, SQSRecord } from 'aws-lambda';

import { isPlumeError } from '../../lib/errors.ts';
import type { Plume } from '../../lib/middleware/create-plume.ts';
import type { InvocationContext } from '../../lib/middleware/sessions.ts';
import { type JobRules, takeJob } from './job.ts';
import { type JobDependencies, processJob } from './process-job.ts';

export interface BatchDependencies extends Omit<JobDependencies, 'api'> {
  readonly rules: JobRules;
  /** For each client of the rules, what calls the API with its token. */
  readonly plumes: ReadonlyMap<string, Plume>;
}

/**
 * Does the jobs of one event, of any clients. Messages are parsed first, so that tickets are reserved only for calls
 * that will be made.
 *
 * @returns the messages that stay in the queue; all others are deleted from it
 */
export async function processBatch(
  records: readonly SQSRecord[],
  context: InvocationContext,
  { rules, plumes, ...dependencies }: BatchDependencies,
): Promise<SQSBatchResponse> {
  const batchItemFailures: SQSBatchResponse['batchItemFailures'] = [];
  const taken = records.map((record) => takeJob(record, rules));
  const ofClients = [...Map.groupBy(taken, ({ client }) => client)].map(([client, jobs]) =>
    plumes.get(client)?.run(
      (api) =>
        Promise.all(
          jobs.map(async (job) => {
            const end = await processJob(job, { ...dependencies, api });
            if (end === 'retry') batchItemFailures.push({ itemIdentifier: job.messageId });
          }),
        ),
      { context, calls: jobs.filter(({ job }) => !isPlumeError(job)).length },
    ),
  );
  await Promise.all(ofClients);
  return { batchItemFailures };
}
