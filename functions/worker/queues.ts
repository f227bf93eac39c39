import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';

import type { ErrorCode } from '../../lib/errors.ts';
import type { Journey } from './job.ts';

/** What becomes of a job, as messages. */
export interface Queues {
  sendResult(result: JobResult): Promise<void>;
  /** Puts a copy of the job back, to be seen after `delaySeconds`. Its receive count starts anew. */
  postpone(body: string, journey: Journey, delaySeconds: number): Promise<void>;
  /** Sets the job aside for people to look at. */
  bury(body: string, journey: Journey, code: ErrorCode): Promise<void>;
}

export interface JobResult {
  readonly id: string;
  /** The API's HTTP status. */
  readonly status: number;
  /** The API's answer: parsed, where it was JSON. */
  readonly body?: unknown;
  /** True if the answer was too long for a message. */
  readonly bodyOmitted?: boolean;
}

export interface QueueUrls {
  readonly jobs: string;
  readonly results: string;
  readonly deadLetters: string;
}

/** The longest delay that SQS gives a message. */
export const MAX_DELAY_SECONDS = 900;

export function createQueues({ sqs, urls }: { sqs: SQSClient; urls: QueueUrls }): Queues {
  return {
    async sendResult(result) {
      await sqs.send(new SendMessageCommand({ QueueUrl: urls.results, MessageBody: JSON.stringify(result) }));
    },
    async postpone(body, journey, delaySeconds) {
      await sqs.send(
        new SendMessageCommand({
          QueueUrl: urls.jobs,
          MessageBody: body,
          DelaySeconds: Math.min(MAX_DELAY_SECONDS, delaySeconds),
          MessageAttributes: attributes({ ...journey }),
        }),
      );
    },
    async bury(body, journey, code) {
      await sqs.send(
        new SendMessageCommand({
          QueueUrl: urls.deadLetters,
          MessageBody: body,
          MessageAttributes: attributes({ ...journey, code }),
        }),
      );
    },
  };
}

function attributes(values: Readonly<Record<string, string | number>>) {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      { DataType: typeof value === 'number' ? 'Number' : 'String', StringValue: String(value) },
    ]),
  );
}
