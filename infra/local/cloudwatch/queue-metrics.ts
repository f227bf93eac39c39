import { setTimeout as sleep } from 'node:timers/promises';
import { GetQueueAttributesCommand, type SQSClient } from '@aws-sdk/client-sqs';

import type { QueueUrls } from '../queue/queues.ts';
import type { MetricStore } from './metric-store.ts';
import { type CloudFormationTemplate, idOf } from './template.ts';

/** Where the stack has the queues of a local run. */
const PATHS: Readonly<Record<keyof QueueUrls, string>> = {
  // The CDK writes a name once that follows itself.
  jobs: 'Jobs',
  results: 'JobsResults',
  deadLetters: 'JobsDeadLetters',
  deadTicks: 'BrokerDeadTicks',
};

export interface QueueMetricsOptions {
  readonly sqs: SQSClient;
  readonly queues: QueueUrls;
  readonly template: CloudFormationTemplate;
  readonly store: MetricStore;
  readonly now: () => number;
  readonly everyMs: number;
  readonly signal: AbortSignal;
}

/** Puts what SQS itself tells CloudWatch of its queues, until the signal aborts. */
export async function putQueueMetrics(options: QueueMetricsOptions): Promise<void> {
  const { queues, everyMs, signal } = options;
  const names = Object.keys(queues) as (keyof QueueUrls)[];
  while (!signal.aborted) {
    await Promise.all(names.map((name) => putDepth(name, options))).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    await sleep(everyMs, undefined, { signal }).catch(() => {});
  }
}

async function putDepth(
  name: keyof QueueUrls,
  { sqs, queues, template, store, now, signal }: QueueMetricsOptions,
): Promise<void> {
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl: queues[name],
      AttributeNames: ['ApproximateNumberOfMessages'],
    }),
    { abortSignal: signal },
  );
  const dimensions = { QueueName: `${idOf(template, 'AWS::SQS::Queue', PATHS[name])}.QueueName` };
  const metric = { namespace: 'AWS/SQS', name: 'ApproximateNumberOfMessagesVisible', dimensions };
  store.put(metric, Number(Attributes.ApproximateNumberOfMessages), now());
}
