import { Queue, QueueEncryption, type QueueProps } from 'aws-cdk-lib/aws-sqs';
import { Duration, RemovalPolicy } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';

import { acknowledge } from './acknowledge.ts';

/** The longest that SQS keeps a message. */
const RETENTION = Duration.days(14);

/** A queue that is encrypted, takes no request in clear, keeps messages as long as SQS can, and goes with its stack. */
export class TlsQueue extends Queue {
  constructor(
    scope: Construct,
    id: string,
    props: Pick<QueueProps, 'visibilityTimeout' | 'deadLetterQueue' | 'redriveAllowPolicy'> = {},
  ) {
    super(scope, id, {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: RETENTION,
      removalPolicy: RemovalPolicy.DESTROY,
      ...props,
    });
    if (props.deadLetterQueue) return;
    // Where a queue redrives to it, no redriveAllowPolicy names that queue: the two resources would refer to each other, which
    // CloudFormation refuses while it generates their names.
    const reason = 'No queue follows it: people, or their own consumers, take messages from it';
    acknowledge(this, { 'AwsSolutions-SQS3': reason, 'Serverless-SQSRedrivePolicy': reason });
  }
}
