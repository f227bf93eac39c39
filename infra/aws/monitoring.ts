import type { Alarm, Dashboard } from 'aws-cdk-lib/aws-cloudwatch';
import { type ITopic, Topic } from 'aws-cdk-lib/aws-sns';
import { Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';

import { acknowledge } from './acknowledge.ts';
import { permitAlarms } from './alarm-topic.ts';
import { createAlarms } from './alarms.ts';
import { createOverview } from './overview.ts';
import { createSavedQueries } from './saved-queries.ts';
import type { TokenBroker } from './token-broker.ts';
import type { Watched } from './watched.ts';

/** What is watched, and where notifications go. */
export interface MonitoringProps extends Partial<Omit<Watched, 'broker'>> {
  /** Its minter, its tokens and its own budget are watched. */
  readonly broker: TokenBroker;
  /**
   * Receives a notification when an alarm is raised, and when it is over. A topic of the app, and its key, are opened to alarms of this
   * account; the owner of an imported one must do so.
   * @default - a new topic under the broker's key; subscribe to it
   */
  readonly topic?: ITopic | undefined;
}

/** Alarms that say what to do, a dashboard (are tokens fresh, is the budget kept, is work flowing?), and saved queries of the logs. */
export class Monitoring extends Construct {
  /** The table of alarms.md says what each means, and what to do. */
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
      callers = [],
      deadLetterQueues = {},
    } = props;
    const watched: Watched = {
      broker,
      stage,
      budgets,
      workQueues,
      callers,
      deadLetterQueues: { DeadTicks: broker.deadLetterQueue, ...deadLetterQueues },
    };
    this.topic = props.topic ?? this.#createTopic(broker);
    permitAlarms(this, this.topic);
    this.alarms = createAlarms(this, watched, this.topic);
    this.dashboard = createOverview(this, watched, this.alarms);
    createSavedQueries(this, watched);
  }

  #createTopic({ encryptionKey }: TokenBroker): Topic {
    const topic = new Topic(this, 'Topic', {
      enforceSSL: true,
      ...(encryptionKey && { masterKey: encryptionKey }),
    });
    if (encryptionKey === undefined)
      acknowledge(topic, {
        'AwsSolutions-SNS2': "CloudWatch cannot use AWS's own key, and a key of the account was not wanted",
      });
    return topic;
  }
}
