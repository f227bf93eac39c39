import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { type ITopic, Topic } from 'aws-cdk-lib/aws-sns';
import { ArnFormat, CfnOutput, Duration, Stack, type StackProps, Tags, Token } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { inDurations } from './durations.ts';
import { Egress } from './egress.ts';
import { JobQueues } from './job-queues.ts';
import { JobWorker } from './job-worker.ts';
import { Monitoring } from './monitoring.ts';
import type { Stage } from './stage-schema.ts';
import { TokenBroker } from './token-broker.ts';
import type { WatchedBudget } from './watched.ts';

export interface TokenBrokerStackProps extends StackProps {
  readonly stage: Stage;
}

/** The broker with the reference worker: composes, and owns no rule of its own. */
export class TokenBrokerStack extends Stack {
  readonly #zoneNames: readonly string[] | undefined;

  constructor(scope: Construct, id: string, { stage, ...props }: TokenBrokerStackProps) {
    super(scope, id, { terminationProtection: stage.deletionProtection ?? false, ...props });
    const { apiUrl, client, secretPrefix, tickMinutes, tokenLife, budget, alarmTopicArn, availabilityZones } =
      stage;
    this.#zoneNames = checkedZones(availabilityZones, this.region);
    const zones = availabilityZones?.length ?? stage.zones ?? 0;
    const logRetention = stage.logRetentionDays ?? RetentionDays.ONE_MONTH;
    // CloudFormation does not take tags of dashboards in all Regions yet.
    Tags.of(this).add('stage', stage.name, { excludeResourceTypes: ['AWS::CloudWatch::Dashboard'] });

    const egress =
      zones > 0
        ? new Egress(this, 'Egress', {
            zones,
            apiPort: Number(new URL(apiUrl).port || 443),
            logRetention,
          })
        : undefined;
    const broker = new TokenBroker(this, 'Broker', {
      apiUrl,
      secretPrefix,
      tick: tickMinutes === undefined ? undefined : Duration.minutes(tickMinutes),
      tokenLife: tokenLife && inDurations(tokenLife),
      budget: budget && inDurations(budget),
      serviceName: this.stackName,
      logRetention,
      ...egress?.anyZone,
      minterReservedConcurrency: stage.minterReservedConcurrency,
      deletionProtection: stage.deletionProtection,
      encryption: stage.encryption,
      metrics: stage.metrics,
    });
    const queues = new JobQueues(this, 'Jobs', stage.resultQueues);
    const { clients, logJobs, jobPriority: priority, workerTraces: isTraced } = stage;
    const workerProps = { broker, queues, client, clients, logJobs, priority, logRetention, isTraced };
    const namedResults = [...queues.namedResults].map(([name, queue]) => [capitalised(name), queue] as const);
    const workers = egress?.zones.map((network, index) => {
      const zone = index + 1;
      // One zone is one address, and one address is one budget: the broker's own.
      const budgetName = zones > 1 ? `${broker.budgetName}-${zone}` : broker.budgetName;
      return new JobWorker(this, `Worker${zone}`, { ...workerProps, ...network, budgetName });
    }) ?? [new JobWorker(this, 'Worker', workerProps)];

    // Of several zones the first: a caller function has one address.
    const [zone] = egress?.zones ?? [];
    const callers = (stage.callers ?? []).map((name) =>
      broker.caller({ client: name, budgetName: workers[0]?.budgetName, ...zone }),
    );

    const { dashboard, topic } = new Monitoring(this, 'Monitoring', {
      broker,
      stage: stage.name,
      budgets: budgetsOf(broker, workers),
      workQueues: {
        Jobs: queues.jobs,
        Results: queues.results,
        ...Object.fromEntries(namedResults.map(([name, queue]) => [`Results${name}`, queue])),
      },
      callers,
      deadLetterQueues: { DeadJobs: queues.deadLetters },
      topic: alarmTopicArn === undefined ? undefined : this.#topic(alarmTopicArn),
    });

    this.#publish({
      BrokerParameter: broker.parameter.parameterName,
      TableName: broker.table.tableName,
      MinterFunction: broker.minter.functionName,
      InspectorFunction: broker.inspector.functionName,
      OperatorFunction: broker.operator.functionName,
      ...numbered(
        'WorkerFunction',
        workers.map((worker) => worker.function.functionName),
      ),
      // In the order of the stage's key.
      ...numbered(
        'CallerFunction',
        callers.map((caller) => caller.functionName),
      ),
      MinterLogGroup: broker.minter.logGroup.logGroupName,
      InspectorLogGroup: broker.inspector.logGroup.logGroupName,
      OperatorLogGroup: broker.operator.logGroup.logGroupName,
      ...numbered(
        'WorkerLogGroup',
        workers.map((worker) => worker.function.logGroup.logGroupName),
      ),
      // Of each address: what orders and status name.
      Budgets: budgetsOf(broker, workers)
        .map(({ name }) => name)
        .join(','),
      JobQueueUrl: queues.jobs.queueUrl,
      ResultQueueUrl: queues.results.queueUrl,
      ...Object.fromEntries(namedResults.map(([name, queue]) => [`ResultQueueUrl${name}`, queue.queueUrl])),
      DeadLetterQueueUrl: queues.deadLetters.queueUrl,
      DeadTicksQueueUrl: broker.deadLetterQueue.queueUrl,
      DashboardName: dashboard.dashboardName,
      AlarmTopicArn: topic.topicArn,
      // The source addresses of all calls, zone by zone: Plume counts by them.
      ...Object.fromEntries(
        (egress?.addresses ?? []).map((address, index) => [`EgressAddress${index + 1}`, address]),
      ),
    });
  }

  /** The stage's zones. Without them the CDK takes the first by name, which in some accounts lack NAT gateways or Lambda. */
  override get availabilityZones(): string[] {
    return this.#zoneNames === undefined ? super.availabilityZones : [...this.#zoneNames];
  }

  #topic(arn: string): ITopic {
    const region = Stack.of(this).splitArn(arn, ArnFormat.NO_RESOURCE_NAME).region;
    if (!Token.isUnresolved(this.region) && region !== this.region) {
      throw new Error(
        `alarmTopicArn is in ${region}; alarms can only notify topics of their own region, ${this.region}`,
      );
    }
    return Topic.fromTopicArn(this, 'AlarmTopic', arn);
  }

  /** As outputs, for people. Other apps read the broker's own parameter. */
  #publish(values: Readonly<Record<string, string>>): void {
    for (const [name, value] of Object.entries(values)) new CfnOutput(this, name, { value });
  }
}

/** Each worker's budget, and the broker's own, whether workers use it or only the minter. */
function budgetsOf(broker: TokenBroker, workers: readonly JobWorker[]): readonly WatchedBudget[] {
  const ofWorkers = workers.map(
    ({ budgetName: name, function: worker }): WatchedBudget => ({
      name,
      streams: name === broker.budgetName ? ['worker', 'minter'] : ['worker'],
      worker,
    }),
  );
  const isShared = ofWorkers.some(({ name }) => name === broker.budgetName);
  return isShared ? ofWorkers : [{ name: broker.budgetName, streams: ['minter'] }, ...ofWorkers];
}

/** `Name` of the only one, `Name1`, `Name2`, … of several. */
function numbered(name: string, values: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    values.map((value, index) => [values.length === 1 ? name : `${name}${index + 1}`, value]),
  );
}

/** @throws {Error} if a zone is in another region */
function checkedZones(names: readonly string[] | undefined, region: string): readonly string[] | undefined {
  const elsewhere = Token.isUnresolved(region) ? undefined : names?.find((name) => !name.startsWith(region));
  if (elsewhere === undefined) return names;
  throw new Error(`availabilityZones has ${elsewhere}, which is not a zone of ${region}`);
}

function capitalised(name: string): string {
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}
