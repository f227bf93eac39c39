import { ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { FunctionPool } from '../../../../infra/local/emulators/lambda/function-pool.ts';
import { LOCAL_SDK_CONFIG } from '../../../../infra/local/emulators/local.ts';
import { startEventSource } from '../../../../infra/local/emulators/queue/event-source.ts';
import {
  createQueues,
  type QueueUrls,
  startQueueServer,
} from '../../../../infra/local/emulators/queue/queues.ts';
import type { QueueEvent } from '../../../../infra/local/run/events.ts';
import { JOB_ATTRIBUTES } from '../../../../lib/contract.ts';

let server: Awaited<ReturnType<typeof startQueueServer>>;
let sqs: SQSClient;
let urls: QueueUrls;
let source: { stop(): Promise<void> };
const events: QueueEvent[] = [];

beforeEach(async () => {
  server = await startQueueServer();
  expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:/);
  sqs = new SQSClient({ ...LOCAL_SDK_CONFIG, endpoint: server.url });
  urls = await createQueues(sqs, server.url, { visibilitySeconds: 1, maxReceiveCount: 2 });
});

afterEach(async () => {
  await source.stop();
  sqs.destroy();
  await server.stop();
});

/** Bodies by delivery; what `consume` answers decides on them. */
function consume(answer: (event: SQSEvent) => Promise<SQSBatchResponse>): string[][] {
  const deliveries: string[][] = [];
  const pool: Pick<FunctionPool, 'invoke'> = {
    async invoke(payload) {
      const event = JSON.parse(payload) as SQSEvent;
      deliveries.push(event.Records.map(({ body }) => body).sort());
      return { ok: true, payload: JSON.stringify(await answer(event)) };
    },
  };
  source = startEventSource({
    sqs,
    queueUrl: urls.jobs,
    pool: pool as FunctionPool,
    batchSize: 10,
    maxConcurrency: 2,
    record: (event) => events.push(event),
  });
  return deliveries;
}

async function send(body: string, jobId?: string): Promise<void> {
  const MessageAttributes =
    jobId === undefined ? {} : { [JOB_ATTRIBUTES.jobId]: { DataType: 'String', StringValue: jobId } };
  await sqs.send(new SendMessageCommand({ QueueUrl: urls.jobs, MessageBody: body, MessageAttributes }));
}

test('what the function names as failed comes back, and ends in the dead-letter queue', async () => {
  await send('good');
  await send('bad', 'first-id');
  const records: SQSEvent['Records'] = [];
  const deliveries = consume(async ({ Records }) => {
    records.push(...Records);
    const bad = Records.filter(({ body }) => body === 'bad');
    return { batchItemFailures: bad.map(({ messageId }) => ({ itemIdentifier: messageId })) };
  });
  const { Messages } = await sqs.send(
    new ReceiveMessageCommand({ QueueUrl: urls.deadLetters, WaitTimeSeconds: 10 }),
  );
  expect(Messages?.map(({ Body }) => Body)).toEqual(['bad']);
  expect(deliveries.flat().sort()).toEqual(['bad', 'bad', 'good']);
  const bad = records.filter(({ body }) => body === 'bad');
  expect(bad.map(({ attributes }) => attributes.ApproximateReceiveCount)).toEqual(['1', '2']);
  expect(bad[0]?.messageAttributes[JOB_ATTRIBUTES.jobId]).toMatchObject({
    stringValue: 'first-id',
    dataType: 'String',
  });
});

test('a name that is not of the batch fails the whole of it', async () => {
  await send('a');
  let attempts = 0;
  const deliveries = consume(async () => {
    attempts += 1;
    return { batchItemFailures: attempts === 1 ? [{ itemIdentifier: 'another' }] : [] };
  });
  await expect.poll(() => deliveries).toEqual([['a'], ['a']]);
});

test('a failed invocation fails its whole batch, by the name of the jobs', async () => {
  await send('a', 'job-a');
  let attempts = 0;
  const deliveries = consume(async () => {
    attempts += 1;
    if (attempts === 1) throw new Error('Runtime.ExitError');
    return { batchItemFailures: [] };
  });
  await expect.poll(() => deliveries).toEqual([['a'], ['a']]);
  expect(events).toEqual([{ kind: 'batch-failed', jobs: ['job-a'], error: 'Runtime.ExitError' }]);
});
