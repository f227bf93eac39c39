import { Stack } from 'aws-cdk-lib';
import type { Alarm, Dashboard } from 'aws-cdk-lib/aws-cloudwatch';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { type ITopic, Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';

import { createAlarms } from './alarms.ts';
import { createOverview } from './overview.ts';
import type { TokenBroker } from './token-broker.ts';
import type { Watched } from './watched.ts';

/** What is watched, and who is told. */
export interface MonitoringProps extends Partial<Omit<Watched, 'broker'>> {
  /** Its minter, its tokens and its own budget are watched. */
  readonly broker: TokenBroker;
  /**
   * Who is told when an alarm is raised, and when it is over.
   * @default - a new topic under the broker's key; subscribe to it
   */
  readonly topic?: ITopic | undefined;
}

/** Alarms that say what to do, and a dashboard: are tokens fresh, is the budget kept, is work flowing? */
export class Monitoring extends Construct {
  /** README's table says what each means, and what to do. */
  readonly alarms: readonly Alarm[];
  /** All metrics of the broker on one page. */
  readonly dashboard: Dashboard;
  /** Takes what the alarms say: `topic` of the properties, or a new one. */
  readonly topic: ITopic;

  constructor(scope: Construct, id: string, props: MonitoringProps) {
    super(scope, id);
    const {
      broker,
      stage = Stack.of(this).stackName,
      budgets = [{ name: broker.budgetName, streams: ['worker', 'minter'] }],
      workQueues = {},
      deadLetterQueues = {},
    } = props;
    const watched: Watched = {
      broker,
      stage,
      budgets,
      workQueues,
      deadLetterQueues: { DeadTicks: broker.deadLetterQueue, ...deadLetterQueues },
    };
    this.topic = props.topic ?? this.#createTopic(broker);
    this.alarms = createAlarms(this, watched, this.topic);
    this.dashboard = createOverview(this, watched, this.alarms);
  }

  #createTopic({ encryptionKey }: TokenBroker): ITopic {
    // Of a key of another stack the policy cannot be changed here: its owner must let CloudWatch use it.
    encryptionKey.addToResourcePolicy(
      new PolicyStatement({
        sid: 'AlarmsToTopic',
        principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
        resources: ['*'],
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    );
    return new Topic(this, 'Topic', { masterKey: encryptionKey, enforceSSL: true });
  }
}
