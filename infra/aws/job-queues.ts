import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Duration } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';

import { JOB_MAX_FAILURES } from '../../lib/contract.ts';
import { TlsQueue } from './tls-queue.ts';

/** Six times the worker's time-out, as AWS recommends. */
const VISIBILITY_TIMEOUT = Duration.minutes(6);

/** The reference worker's jobs, their results, and the jobs that cannot be done. */
export class JobQueues extends Construct {
  readonly jobs: IQueue;
  readonly results: IQueue;
  /** Of results whose job names their queue. */
  readonly namedResults: ReadonlyMap<string, IQueue>;
  readonly deadLetters: IQueue;

  /** @param names - of queues for results whose job names them */
  constructor(scope: Construct, id: string, names: readonly string[] = []) {
    super(scope, id);
    this.deadLetters = new TlsQueue(this, 'DeadLetters');
    this.results = new TlsQueue(this, 'Results');
    this.namedResults = new Map(names.map((name) => [name, new TlsQueue(this, `Results-${name}`)]));
    this.jobs = new TlsQueue(this, 'Jobs', {
      visibilityTimeout: VISIBILITY_TIMEOUT,
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: JOB_MAX_FAILURES },
    });
  }
}
