import { setTimeout as sleep } from 'node:timers/promises';
import {
  DeleteMessageCommand,
  type Message,
  type MessageAttributeValue,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';

import { JOB_ATTRIBUTES } from '../../lib/contract.ts';
import { numberOption } from './command-line.ts';
import { findDeployment } from './deployment.ts';
import type { Verb } from './verb.ts';

const DEFAULT_RATE = 5;
/** As many as SQS gives in one answer, and no more than are sent before they are shown to others again. */
const batchOf = (rate: number): number => Math.min(10, Math.max(1, Math.floor(10 * rate)));

/**
 * Sends each dead letter to the job queue again and then deletes it. A job keeps its id and the sender's attributes, and begins
 * anew otherwise: with no failures and a new age. A message that is sent and not deleted is done twice; none is lost.
 */
export const replay: Verb = {
  arguments: '[--rate <n>]',
  summary: 'send the dead letters to the job queue again, as new jobs, at a limited rate',
  async run(line, output) {
    const rate = numberOption(line, 'rate', DEFAULT_RATE);
    const deployment = await findDeployment(line);
    const [from, to] = [deployment.output('DeadLetterQueueUrl'), deployment.output('JobQueueUrl')];
    output.note(deployment.name);
    await output.confirm(`replay the dead letters, ${rate} a second`);
    const sqs = new SQSClient(deployment.sqs);
    const startedAtMs = Date.now();
    let replayed = 0;
    try {
      for (;;) {
        const { Messages = [] } = await sqs.send(
          new ReceiveMessageCommand({
            QueueUrl: from,
            MaxNumberOfMessages: batchOf(rate),
            MessageAttributeNames: ['All'],
            MessageSystemAttributeNames: ['SentTimestamp'],
          }),
        );
        // A job that was replayed and has failed again is left for people to look at.
        const before = Messages.filter(({ Attributes }) => Number(Attributes?.SentTimestamp) < startedAtMs);
        if (before.length === 0) break;
        for (const message of before) {
          await sqs.send(
            new SendMessageCommand({
              QueueUrl: to,
              MessageBody: message.Body ?? '',
              MessageAttributes: begunAnew(message),
            }),
          );
          await sqs.send(new DeleteMessageCommand({ QueueUrl: from, ReceiptHandle: message.ReceiptHandle }));
          replayed += 1;
          await sleep(1_000 / rate);
        }
      }
    } finally {
      sqs.destroy();
    }
    return { json: { replayed }, text: `${replayed} jobs were sent again\n` };
  },
};

/** What the job was before it failed: its own id stays, what the worker counted goes. */
function begunAnew({ MessageId, MessageAttributes = {} }: Message): Record<string, MessageAttributeValue> {
  const { jobId, failures, submittedAtMs, code } = JOB_ATTRIBUTES;
  const counted = new Set<string>([failures, submittedAtMs, code]);
  return {
    // SQS itself moved a job whose worker died: its message's id is the job's.
    [jobId]: { DataType: 'String', StringValue: MessageId ?? '' },
    ...Object.fromEntries(Object.entries(MessageAttributes).filter(([name]) => !counted.has(name))),
  };
}
