import {
  type MessageAttributeValue,
  SendMessageCommand,
  type SendMessageCommandInput,
  type SQSClient,
} from '@aws-sdk/client-sqs';

import { JOB_ATTRIBUTES } from '../../lib/contract.ts';
import type { ErrorCode } from '../../lib/errors.ts';
import type { Journey } from './job.ts';

/** What becomes of a job, as messages. */
export interface Queues {
  /** @param message as {@link resultMessage} makes it */
  sendResult(message: string): Promise<void>;
  /** Puts a copy of the job back, to be seen after `delaySeconds`. Its receive count starts anew. */
  postpone(body: string, journey: Journey, delaySeconds: number): Promise<void>;
  /** Sets the job aside for people to look at. */
  bury(body: string, journey: Journey, code: ErrorCode): Promise<void>;
}

export interface QueueUrls {
  readonly jobs: string;
  readonly results: string;
  readonly deadLetters: string;
}

/** The longest delay that SQS gives a message. */
const MAX_DELAY_SECONDS = 900;
/** The most attributes that SQS takes with a message. */
const MAX_ATTRIBUTES = 10;

export function createQueues({ sqs, urls }: { sqs: SQSClient; urls: QueueUrls }): Queues {
  return {
    async sendResult(message) {
      await sqs.send(new SendMessageCommand({ QueueUrl: urls.results, MessageBody: message }));
    },
    async postpone(body, journey, delaySeconds) {
      await sqs.send(
        new SendMessageCommand({
          QueueUrl: urls.jobs,
          MessageBody: body,
          DelaySeconds: Math.min(MAX_DELAY_SECONDS, delaySeconds),
          ...copyOf(journey),
        }),
      );
    },
    async bury(body, journey, code) {
      await sqs.send(
        new SendMessageCommand({
          QueueUrl: urls.deadLetters,
          MessageBody: body,
          ...copyOf(journey, code),
        }),
      );
    },
  };
}

/** What a copy of the message takes along. */
function copyOf(journey: Journey, code?: ErrorCode): Partial<SendMessageCommandInput> {
  const { groupId } = journey;
  return {
    MessageAttributes: attributesOf(journey, code),
    ...(groupId !== undefined && { MessageGroupId: groupId }),
  };
}

/** The worker's own attributes, and as many of the sender's as there is room for. */
function attributesOf(
  { jobId, failures, submittedAtMs, attributes }: Journey,
  code?: ErrorCode,
): Record<string, MessageAttributeValue> {
  const own = Object.entries({
    [JOB_ATTRIBUTES.jobId]: text(jobId),
    [JOB_ATTRIBUTES.failures]: number(failures),
    [JOB_ATTRIBUTES.submittedAtMs]: number(submittedAtMs),
    ...(code !== undefined && { [JOB_ATTRIBUTES.code]: text(code) }),
  });
  const others = Object.entries(attributes).map(([name, { dataType, stringValue, binaryValue }]) => [
    name,
    binaryValue === undefined
      ? { DataType: dataType, StringValue: stringValue }
      : { DataType: dataType, BinaryValue: Buffer.from(binaryValue, 'base64') },
  ]);
  return Object.fromEntries([...own, ...others].slice(0, MAX_ATTRIBUTES));
}

function text(value: string): MessageAttributeValue {
  return { DataType: 'String', StringValue: value };
}

function number(value: number): MessageAttributeValue {
  return { DataType: 'Number', StringValue: String(value) };
}
