import { setTimeout as sleep } from 'node:timers/promises';

import type { QueueUrls } from '../queue/queues.ts';
import type { MetricId, MetricStore } from './metric-store.ts';
import { type CloudFormationTemplate, idOf } from './template.ts';

/** Where the stack has the queues of a local run. */
const PATHS: Readonly<Record<keyof QueueUrls, string>> = {
  // The CDK writes a name once that follows itself.
  jobs: 'Jobs',
  results: 'JobsResults',
  deadLetters: 'JobsDeadLetters',
  deadTicks: 'BrokerDeadTicks',
};

/** A metric of SQS itself. */
export function queueMetric(
  template: CloudFormationTemplate,
  queue: keyof QueueUrls,
  name: string,
): MetricId {
  const dimensions = { QueueName: `${idOf(template, 'AWS::SQS::Queue', PATHS[queue])}.QueueName` };
  return { namespace: 'AWS/SQS', name, dimensions };
}

export interface QueueMetricsOptions {
  readonly queues: QueueUrls;
  readonly template: CloudFormationTemplate;
  readonly store: MetricStore;
  readonly now: () => number;
  readonly everyMs: number;
  /** How long one second of CloudWatch lasts here, in ms. */
  readonly secondMs: number;
  readonly signal: AbortSignal;
}

/** Puts what SQS itself tells CloudWatch of its queues, until the signal aborts. */
export async function putQueueMetrics(options: QueueMetricsOptions): Promise<void> {
  const { queues, everyMs, signal } = options;
  const names = Object.keys(queues) as (keyof QueueUrls)[];
  while (!signal.aborted) {
    await Promise.all(names.map((name) => putMetrics(name, options))).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    await sleep(everyMs, undefined, { signal }).catch(() => {});
  }
}

async function putMetrics(
  name: keyof QueueUrls,
  { queues, template, store, now, secondMs, signal }: QueueMetricsOptions,
): Promise<void> {
  const { origin, pathname } = new URL(queues[name]);
  // The API does not tell how old messages are; the embedded queue itself does.
  const response = await fetch(`${origin}/_fauxqs/queues/${pathname.split('/').at(-1)}`, { signal });
  const { ready, delayed, inflight } = ((await response.json()) as Inspection).messages;
  const all = [...ready, ...delayed, ...inflight.map(({ message }) => message)];
  const oldestMs = Math.min(now(), ...all.map(({ sentTimestamp }) => sentTimestamp));
  const put = (metric: string, value: number): void =>
    store.put(queueMetric(template, name, metric), value, now());
  put('ApproximateNumberOfMessagesVisible', ready.length);
  put('ApproximateAgeOfOldestMessage', (now() - oldestMs) / secondMs);
}

interface Message {
  readonly sentTimestamp: number;
}

interface Inspection {
  readonly messages: {
    readonly ready: readonly Message[];
    readonly delayed: readonly Message[];
    readonly inflight: readonly { readonly message: Message }[];
  };
}
