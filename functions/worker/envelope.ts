import type { SQSRecord } from 'aws-lambda';

import { JOB_ATTRIBUTES } from '../../lib/contract.ts';
import type { RefusedBefore } from './count-refusal.ts';

/** What a message carries besides the job. A copy of the message takes it along. */
export interface Envelope {
  /** The id of the first message: the job's name in results, whatever copies it went through. */
  readonly jobId: string;
  /** Attempts that failed before this one. */
  readonly failures: number;
  /** When the first message was sent, or the job was replayed from the dead-letter queue, Unix ms. */
  readonly submittedAtMs: number;
  /** What a job carries whose call the WAF has refused. */
  readonly refused?: RefusedBefore;
  /** The attributes that the sender gave the message: they are none of the worker's business, and go along. */
  readonly attributes: SQSRecord['messageAttributes'];
  /** The group in whose turn SQS delivers the message (fair queues), if the sender gave it one. */
  readonly groupId?: string;
}

const OWN: ReadonlySet<string> = new Set(Object.values(JOB_ATTRIBUTES));

export function envelopeOf({ messageId, attributes, messageAttributes }: SQSRecord): Envelope {
  const own = (name: keyof typeof JOB_ATTRIBUTES): string | undefined =>
    messageAttributes[JOB_ATTRIBUTES[name]]?.stringValue;
  const sentAtMs = Number(attributes.SentTimestamp);
  // Only a dead letter has a code: this one was moved back. It starts anew, under the name that it had.
  const isReplayed = own('code') !== undefined;
  const before = isReplayed ? undefined : wholeNumber(own('failures'));
  const submittedAtMs = isReplayed ? undefined : wholeNumber(own('submittedAtMs'));
  const refusedAtMs = isReplayed ? undefined : wholeNumber(own('refusedAtMs'));
  return {
    jobId: own('jobId') ?? messageId,
    failures: (before ?? 0) + Number(attributes.ApproximateReceiveCount) - 1,
    submittedAtMs: Math.min(submittedAtMs ?? sentAtMs, sentAtMs),
    attributes: Object.fromEntries(Object.entries(messageAttributes).filter(([name]) => !OWN.has(name))),
    ...(refusedAtMs !== undefined && {
      refused: { refusedAtMs, countedAtMs: wholeNumber(own('countedAtMs')) },
    }),
    ...(attributes.MessageGroupId !== undefined && { groupId: attributes.MessageGroupId }),
  };
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
