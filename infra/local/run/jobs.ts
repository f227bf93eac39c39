import { setTimeout as sleep } from 'node:timers/promises';
import {
  DeleteMessageBatchCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';

import type { JobEvent } from './events.ts';

export interface SubmitOptions {
  readonly sqs: SQSClient;
  readonly queueUrl: string;
  /** Jobs submitted at once at the beginning: a backlog keeps the workers at their limit. */
  readonly backlog: number;
  /** Asked again for each job. */
  readonly perSecond: () => number;
  /** Asked before each job: `pause` leaves it out. */
  readonly next: () => 'submit' | 'pause' | 'end';
  readonly record: (event: JobEvent) => void;
  readonly signal: AbortSignal;
}

/** Puts jobs on the queue at a rate, however long the queue is. */
export async function submitJobs(options: SubmitOptions): Promise<void> {
  const { sqs, queueUrl, backlog, perSecond, next, record, signal } = options;
  let dueMs = performance.now();
  for (let count = 0; ; count += 1) {
    if (count > backlog) dueMs += 1000 / perSecond();
    const waitMs = dueMs - performance.now();
    if (waitMs > 0) await sleep(waitMs, undefined, { signal }).catch(() => {});
    const what = signal.aborted ? 'end' : next();
    if (what === 'end') return;
    if (what === 'pause') continue;
    const body = { method: 'GET', path: `/api/v1/locations/${count}` };
    const { MessageId } = await sqs.send(
      new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: JSON.stringify(body) }),
    );
    record({ kind: 'job-submitted', job: MessageId as string });
  }
}

/** Reads results until it is told to stop. */
export async function collectResults(
  sqs: SQSClient,
  queueUrl: string,
  record: (event: JobEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const messages = await receive(sqs, queueUrl, signal);
    for (const { Body } of messages) {
      const { id, status } = JSON.parse(Body as string) as { id: string; status: number };
      record({ kind: 'job-done', job: id, status });
    }
    if (messages.length === 0) continue;
    const Entries = messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
    await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
  }
}

async function receive(sqs: SQSClient, queueUrl: string, signal: AbortSignal): Promise<readonly Message[]> {
  try {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 20 }),
      { abortSignal: signal },
    );
    return Messages;
  } catch (error) {
    if (signal.aborted) return [];
    throw error;
  }
}
