import { EventSourceMapping, type Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Duration, Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';

import { ENV, type Priority } from '../../lib/contract.ts';
import { acknowledge } from './acknowledge.ts';
import { BrokerFunction, type NetworkProps, networkOf } from './broker-function.ts';
import { grantAll } from './grant.ts';
import type { JobQueues } from './job-queues.ts';
import type { TokenBroker } from './token-broker.ts';

export interface JobWorkerProps extends NetworkProps {
  readonly broker: TokenBroker;
  readonly queues: JobQueues;
  /** The M2M client of jobs that name none. */
  readonly client: string;
  /** Others that jobs may name. @default - none */
  readonly clients?: readonly string[] | undefined;
  /** Whether each job that is done has a line in the log. @default true */
  readonly logJobs?: boolean | undefined;
  /** `low` if another function makes calls that people wait for: jobs then take the tickets that it leaves. @default normal */
  readonly priority?: Priority | undefined;
  /** The budget of the address that the calls leave from. @default - the broker's own */
  readonly budgetName?: string | undefined;
  readonly logRetention: RetentionDays;
  /** X-Ray records its invocations. @default false */
  readonly isTraced?: boolean | undefined;
}

/**
 * A few workers saturate a budget, and all others only wait, which is paid for: `npm run bench -- cost`. Four make six calls a
 * second also of an API that takes five seconds.
 */
const MAX_CONCURRENCY = 4;
/** The middleware reserves tickets for a batch in one write. */
const BATCH_SIZE = 10;
/** A ticket's and a token's waiting (30 s at most), a call, and its repetition with a new token. */
const TIMEOUT = Duration.seconds(60);

/** The reference worker on its queue. */
export class JobWorker extends Construct {
  readonly function: LambdaFunction;
  /** The budget that its calls take tickets of. */
  readonly budgetName: string;

  constructor(scope: Construct, id: string, props: JobWorkerProps) {
    super(scope, id);
    const { broker, queues, client, logRetention } = props;
    const budgetName = props.budgetName ?? broker.budgetName;
    this.budgetName = budgetName;
    const { jobs, results, namedResults, deadLetters } = queues;
    const clients = [...new Set([client, ...(props.clients ?? [])])];
    const urls = Object.fromEntries([...namedResults].map(([name, { queueUrl }]) => [name, queueUrl]));
    this.function = new BrokerFunction(this, 'Function', {
      entry: 'worker',
      description: `Calls Plume's API for ${clients.join(', ')}: one message, one call`.slice(0, 256),
      timeout: TIMEOUT,
      // A postponed job is a copy on the job queue; one that is only ever postponed ends after four days.
      mayInvokeItself: true,
      isTraced: props.isTraced,
      logRetention,
      ...networkOf(props),
      environment: {
        [ENV.clients]: clients.join(),
        [ENV.jobQueueUrl]: jobs.queueUrl,
        [ENV.resultQueueUrl]: results.queueUrl,
        ...(namedResults.size > 0 && { [ENV.resultQueueUrls]: Stack.of(this).toJsonString(urls) }),
        ...(props.logJobs === false && { [ENV.logJobs]: 'false' }),
        ...(props.priority === 'low' && { [ENV.jobPriority]: 'low' }),
        [ENV.deadLetterQueueUrl]: deadLetters.queueUrl,
      },
    });
    for (const each of clients) broker.connect(this.function, { client: each, budgetName });
    const granted = grantAll(this.function, [
      {
        actions: ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'],
        resourceArns: [jobs.queueArn],
      },
      {
        actions: ['sqs:SendMessage'],
        resourceArns: arnsOf([jobs, results, ...namedResults.values(), deadLetters]),
      },
    ]);
    const source = new EventSourceMapping(this, 'Source', {
      target: this.function,
      eventSourceArn: jobs.queueArn,
      batchSize: BATCH_SIZE,
      maxConcurrency: MAX_CONCURRENCY,
      reportBatchItemFailures: true,
    });
    granted.applyBefore(source);
    acknowledge(source, {
      'Serverless-LambdaEventSourceMappingDestination':
        'A queue as source has no destination: its redrive policy takes what fails',
    });
  }
}

function arnsOf(queues: readonly IQueue[]): string[] {
  return queues.map((queue) => queue.queueArn);
}
