import type { SQSRecord } from 'aws-lambda';
import { expect, test } from 'vitest';

import { batchResponse } from '../../../functions/worker/batch-response.ts';

test('what is to be tried again stays in the queue, and nothing else', () => {
  const records = ['a', 'b', 'c', 'd', 'e'].map((messageId) => ({ messageId }) as SQSRecord);
  expect(batchResponse(records, ['retry', 'done', 'postponed', 'buried', 'retry'])).toEqual({
    batchItemFailures: [{ itemIdentifier: 'a' }, { itemIdentifier: 'e' }],
  });
  expect(batchResponse([], [])).toEqual({ batchItemFailures: [] });
});
