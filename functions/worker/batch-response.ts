import type { SQSBatchResponse, SQSRecord } from 'aws-lambda';

import type { JobEnd } from './process-job.ts';

/** What is not named here is deleted from the queue. */
export function batchResponse(records: readonly SQSRecord[], ends: readonly JobEnd[]): SQSBatchResponse {
  const retried = records.filter((_, index) => ends[index] === 'retry');
  return { batchItemFailures: retried.map(({ messageId }) => ({ itemIdentifier: messageId })) };
}
