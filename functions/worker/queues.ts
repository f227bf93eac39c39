import {
  type MessageAttributeValue,
  SendMessageCommand,
  type SendMessageCommandInput,
  type SQSClient,
  SQSServiceException,
} from '@aws-sdk/client-sqs';

import { JOB_ATTRIBUTES } from '../../lib/contract.ts';
import type { ErrorCode } from '../../lib/errors.ts';
import type { Envelope } from './envelope.ts';

/** What becomes of a job, as messages. */
export interface Queues {
  /** @returns false if SQS takes no such message */
  sendResult(message: string, attributes: Envelope['attributes'], name?: string): Promise<boolean>;
  /** Puts a copy of the job back, to be seen after `delaySeconds`. Its receive count starts anew. */
  postpone(body: string, envelope: Envelope, delaySeconds: number): Promise<void>;
  /** Puts the job into the dead-letter queue, for people to look at. */
  deadLetter(body: string, envelope: Envelope, code: ErrorCode): Promise<void>;
}

export interface QueueUrls {
  readonly jobs: string;
  readonly results: string;
  /** Of results whose job names their queue. */
  readonly namedResults: ReadonlyMap<string, string>;
  readonly deadLetters: string;
}

/** The longest delay that SQS gives a message. */
const MAX_DELAY_SECONDS = 900;
/** The most attributes that SQS takes with a message. */
const MAX_ATTRIBUTES = 10;

export function createQueues({ sqs, urls }: { sqs: SQSClient; urls: QueueUrls }): Queues {
  const send = (input: SendMessageCommandInput): Promise<unknown> => sqs.send(new SendMessageCommand(input));

  return {
    async sendResult(message, attributes, name) {
      const named = name === undefined ? undefined : urls.namedResults.get(name);
      try {
        await send({
          QueueUrl: named ?? urls.results,
          MessageBody: message,
          MessageAttributes: Object.fromEntries(Object.entries(attributes).map(sent)),
        });
        return true;
      } catch (error) {
        if (isRefusal(error)) return false;
        throw error;
      }
    },
    async postpone(body, envelope, delaySeconds) {
      await send({
        QueueUrl: urls.jobs,
        MessageBody: body,
        DelaySeconds: Math.min(MAX_DELAY_SECONDS, delaySeconds),
        ...copyOf(envelope),
      });
    },
    async deadLetter(body, envelope, code) {
      await send({ QueueUrl: urls.deadLetters, MessageBody: body, ...copyOf(envelope, code) });
    },
  };
}

/** SQS found fault with the request itself, the message for one. */
function isRefusal(error: unknown): boolean {
  return error instanceof SQSServiceException && error.$fault === 'client' && !error.name.includes('Throttl');
}

/** What a copy of the message takes along: the worker's own attributes, and as many of the sender's as there is room for. */
function copyOf(
  { jobId, failures, submittedAtMs, refused, attributes, groupId }: Envelope,
  code?: ErrorCode,
): Partial<SendMessageCommandInput> {
  const own = Object.entries({
    [JOB_ATTRIBUTES.jobId]: text(jobId),
    [JOB_ATTRIBUTES.failures]: number(failures),
    [JOB_ATTRIBUTES.submittedAtMs]: number(submittedAtMs),
    ...(refused !== undefined && { [JOB_ATTRIBUTES.refusedAtMs]: number(refused.refusedAtMs) }),
    ...(refused?.countedAtMs !== undefined && { [JOB_ATTRIBUTES.countedAtMs]: number(refused.countedAtMs) }),
    ...(code !== undefined && { [JOB_ATTRIBUTES.code]: text(code) }),
  });
  const all = [...own, ...Object.entries(attributes).map(sent)].slice(0, MAX_ATTRIBUTES);
  return {
    MessageAttributes: Object.fromEntries(all),
    ...(groupId !== undefined && { MessageGroupId: groupId }),
  };
}

/** An attribute as SQS takes it, from one as Lambda hands it over. */
function sent([name, { dataType, stringValue, binaryValue }]: [string, Envelope['attributes'][string]]): [
  string,
  MessageAttributeValue,
] {
  const value =
    binaryValue === undefined
      ? { StringValue: stringValue }
      : { BinaryValue: Buffer.from(binaryValue, 'base64') };
  return [name, { DataType: dataType, ...value }];
}

function text(value: string): MessageAttributeValue {
  return { DataType: 'String', StringValue: value };
}

function number(value: number): MessageAttributeValue {
  return { DataType: 'Number', StringValue: String(value) };
}
