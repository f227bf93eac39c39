import {
  DeleteMessageBatchCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';

import { JOB_ATTRIBUTES } from '../../../../lib/contract.ts';
import type { QueueEvent } from '../../run/events.ts';
import type { FunctionPool } from '../lambda/function-pool.ts';

export interface EventSourceOptions {
  readonly sqs: SQSClient;
  readonly queueUrl: string;
  readonly pool: FunctionPool;
  /** Messages per invocation, at most 10. */
  readonly batchSize: number;
  /** Invocations under way at once. */
  readonly maxConcurrency: number;
  readonly record: (event: QueueEvent) => void;
}

/**
 * Lambda's event source mapping for a standard queue, with partial batch responses: what the function names as
 * failed, and a whole batch whose invocation failed, stays in the queue until its visibility time-out is over; the
 * queue itself moves to the dead-letter queue what was received too often.
 */
export function startEventSource(options: EventSourceOptions): { stop(): Promise<void> } {
  const { sqs, queueUrl, batchSize, maxConcurrency } = options;
  const stopped = new AbortController();

  async function poll(): Promise<void> {
    while (!stopped.signal.aborted) {
      const messages = await receive();
      if (messages.length > 0) await deliver(messages, options);
    }
  }

  async function receive(): Promise<readonly Message[]> {
    try {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({
          QueueUrl: queueUrl,
          MaxNumberOfMessages: batchSize,
          WaitTimeSeconds: 20,
          MessageSystemAttributeNames: ['All'],
          MessageAttributeNames: ['All'],
        }),
        { abortSignal: stopped.signal },
      );
      return Messages;
    } catch (error) {
      if (stopped.signal.aborted) return [];
      throw error;
    }
  }

  const pollers = Array.from({ length: maxConcurrency }, poll);
  return {
    async stop() {
      stopped.abort();
      await Promise.all(pollers);
    },
  };
}

async function deliver(messages: readonly Message[], options: EventSourceOptions): Promise<void> {
  const failed = await invoke(messages.map(recordOf), options);
  const done = messages.filter(({ MessageId }) => !failed.has(MessageId as string));
  if (done.length === 0) return;
  await options.sqs.send(
    new DeleteMessageBatchCommand({
      QueueUrl: options.queueUrl,
      Entries: done.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle })),
    }),
  );
}

/** The ids of the messages that are not done. */
async function invoke(
  records: readonly SQSRecord[],
  { pool, record }: EventSourceOptions,
): Promise<ReadonlySet<string>> {
  const all = records.map(({ messageId }) => messageId);
  const event: SQSEvent = { Records: [...records] };
  try {
    const result = await pool.invoke(JSON.stringify(event));
    if (!result.ok) throw new Error(result.error.errorType);
    const response = JSON.parse(result.payload) as SQSBatchResponse | null;
    const failed = new Set(response?.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    // As in AWS: a name that is not of the batch fails the whole of it.
    return [...failed].every((id) => all.includes(id)) ? failed : new Set(all);
  } catch (error) {
    const jobs = records.map(
      ({ messageId, messageAttributes }) => messageAttributes[JOB_ATTRIBUTES.jobId]?.stringValue ?? messageId,
    );
    record({ kind: 'batch-failed', jobs, error: error instanceof Error ? error.message : 'unknown' });
    return new Set(all);
  }
}

function recordOf({
  MessageId,
  ReceiptHandle,
  Body,
  MD5OfBody,
  Attributes,
  MessageAttributes,
}: Message): SQSRecord {
  return {
    messageId: MessageId as string,
    receiptHandle: ReceiptHandle as string,
    body: Body as string,
    md5OfBody: MD5OfBody as string,
    attributes: Attributes as unknown as SQSRecord['attributes'],
    messageAttributes: Object.fromEntries(
      Object.entries(MessageAttributes ?? {}).map(([name, { StringValue, DataType }]) => [
        name,
        { stringValue: StringValue as string, dataType: DataType as 'String' },
      ]),
    ),
    eventSource: 'aws:sqs',
    eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:jobs',
    awsRegion: 'us-east-1',
  };
}
