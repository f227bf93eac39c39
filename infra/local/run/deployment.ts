import { randomUUID } from 'node:crypto';

import { DeleteTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';

import {
  DEFAULT_SECRET_PREFIX,
  DEFAULT_SERVICE,
  ENV,
  JOB_MAX_FAILURES,
  MINTER_TIMEOUT_MS,
  type MinterEvent,
} from '../../../lib/contract.ts';
import type {
  BrokerSettings,
  MinterSettings,
  OperatorSettings,
  WorkerSettings,
} from '../../../lib/settings.ts';
import { bundleFunctions } from '../emulators/bundles.ts';
import { type ClientSecrets, createClient, createSecrets } from '../emulators/client-secrets.ts';
import { type CountingProxy, startCountingProxy } from '../emulators/dynamodb/counting-proxy.ts';
import { startEngine } from '../emulators/dynamodb/engine.ts';
import { createTable } from '../emulators/dynamodb/table.ts';
import type { FunctionPool } from '../emulators/lambda/function-pool.ts';
import { startLambda } from '../emulators/lambda/lambda.ts';
import { LOCAL_SDK_CONFIG, localEnvironment, ownedBy } from '../emulators/local.ts';
import { startEventSource } from '../emulators/queue/event-source.ts';
import { createQueues, type QueueUrls, startQueueServer } from '../emulators/queue/queues.ts';
import { startSchedule } from '../emulators/scheduler.ts';
import { startSecretsManager } from '../emulators/secrets-manager/secrets-manager.ts';
import { type PlumeCloud, startPlumeCloud } from '../plume-cloud/plume-cloud.ts';
import type { EventLog } from './events.ts';
import type { Profile } from './profile.ts';

/** What a local run says of itself, in place of a stack's outputs. */
export interface LocalOutputs {
  readonly outputs: Readonly<Record<string, string>>;
  readonly lambdaEndpoint: string;
  readonly sqsEndpoint: string;
  /** The environment of a worker that runs elsewhere on this machine. */
  readonly workerEnvironment: Readonly<Record<string, string>>;
}

/** AWS and Plume on this machine, with the broker deployed into it. */
export interface Deployment {
  readonly cloud: PlumeCloud;
  readonly table: CountingProxy;
  readonly secrets: ClientSecrets;
  readonly sqs: SQSClient;
  readonly queues: QueueUrls;
  readonly worker: { readonly name: string; readonly pool: FunctionPool };
  readonly inspector: FunctionPool;
  readonly operator: FunctionPool;
  /** What a stack's outputs would say, and where the services are: the operator's command asks for it. */
  readonly outputs: LocalOutputs;
  stop(): Promise<void>;
}

export interface DeploymentOptions {
  readonly profile: Profile;
  /** Instances of the worker. */
  readonly workers: number;
  readonly events: EventLog;
  /** Unix milliseconds that never go back. */
  readonly now: () => number;
  /** URL of a DynamoDB engine to use instead of the embedded one. */
  readonly dynamodbUrl: string | undefined;
}

export async function startDeployment({
  profile,
  workers,
  events,
  now,
  dynamodbUrl,
}: DeploymentOptions): Promise<Deployment> {
  const { record } = events;
  await using stack = new AsyncDisposableStack();
  const owned = ownedBy(stack);

  // First: one that is not there is said at once.
  const engine = owned(await startEngine(dynamodbUrl));
  const bundles = await bundleFunctions();
  stack.defer(() => bundles.remove());
  const table = owned(await startCountingProxy(engine.url, record));
  const secretsManager = owned(await startSecretsManager(now));
  const queueServer = owned(await startQueueServer());
  const clients = profile.clients.map(createClient);
  const { limit, windowMs } = profile.budget;
  const cloud = owned(
    await startPlumeCloud({
      clients,
      waf: { limit, windowMs, release: 'new-frame' },
      latencyMs: profile.apiLatencyMs,
      record,
      now,
    }),
  );
  const lambda = owned(await startLambda(record));

  const tableName = `plume-${randomUUID()}`;
  owned(await startTable(engine.url, tableName));
  const secrets = owned(await createSecrets(secretsManager.url, clients, cloud.tokenUrl));
  const sqs = new SQSClient({ ...LOCAL_SDK_CONFIG, endpoint: queueServer.url });
  stack.defer(() => sqs.destroy());
  const queues = await createQueues(sqs, queueServer.url, {
    visibilitySeconds: profile.worker.visibilitySeconds,
    maxReceiveCount: JOB_MAX_FAILURES,
  });

  const shared = {
    ...localEnvironment({ dynamodb: table.url }),
  };
  const broker: BrokerSettings = {
    table: tableName,
    apiUrl: cloud.apiUrl,
    service: DEFAULT_SERVICE,
    // The report counts what no alarm looks at.
    metrics: 'all',
    tokenLife: profile.token,
    budget: profile.budget,
  };
  const forMinter: MinterSettings = { ...broker, secretPrefix: DEFAULT_SECRET_PREFIX };
  const forWorker: WorkerSettings = { ...broker, minter: 'minter' };
  const withSecrets = {
    ...shared,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManager.url,
    [ENV.broker]: JSON.stringify(forMinter),
  };
  const common = { memoryMb: 256, timeoutMs: MINTER_TIMEOUT_MS, concurrency: 10 };
  const minter = lambda.add({
    ...common,
    name: 'minter',
    bundleUrl: bundles.urlOf('minter'),
    environment: withSecrets,
  });
  const inspector = lambda.add({
    ...common,
    name: 'inspector',
    bundleUrl: bundles.urlOf('inspector'),
    environment: withSecrets,
  });
  const forOperator: OperatorSettings = { ...forMinter, minter: 'minter' };
  const operator = lambda.add({
    ...common,
    name: 'operator',
    bundleUrl: bundles.urlOf('operator'),
    environment: {
      ...withSecrets,
      AWS_ENDPOINT_URL_LAMBDA: lambda.url,
      [ENV.broker]: JSON.stringify(forOperator),
    },
  });
  const workerEnvironment = {
    ...shared,
    AWS_ENDPOINT_URL_LAMBDA: lambda.url,
    [ENV.broker]: JSON.stringify(forWorker),
  };
  lambda.add({
    ...common,
    name: 'caller',
    bundleUrl: bundles.urlOf('caller'),
    environment: { ...workerEnvironment, [ENV.client]: clients[0]?.name ?? '' },
  });
  const worker = lambda.add({
    ...common,
    name: 'worker',
    bundleUrl: bundles.urlOf('worker'),
    timeoutMs: profile.worker.timeoutMs,
    concurrency: workers,
    environment: {
      ...workerEnvironment,
      AWS_ENDPOINT_URL_SQS: queueServer.url,
      [ENV.clients]: clients[0]?.name ?? '',
      [ENV.jobQueueUrl]: queues.jobs,
      [ENV.resultQueueUrl]: queues.results,
      [ENV.deadLetterQueueUrl]: queues.deadLetters,
    },
  });

  const tick: MinterEvent = { kind: 'tick' };
  const schedule = await startSchedule(minter, tick, profile.token.tickMs, (event) =>
    sqs.send(new SendMessageCommand({ QueueUrl: queues.deadTicks, MessageBody: event })),
  );
  const eventSource = startEventSource({
    sqs,
    queueUrl: queues.jobs,
    pool: worker,
    batchSize: profile.worker.batchSize,
    maxConcurrency: workers,
    record,
  });

  const parts = stack.move();
  return {
    cloud,
    table,
    secrets,
    sqs,
    queues,
    worker: { name: 'worker', pool: worker },
    inspector,
    operator,
    outputs: {
      outputs: {
        InspectorFunction: 'inspector',
        OperatorFunction: 'operator',
        CallerFunction: 'caller',
        Budgets: profile.budget.name,
        JobQueueUrl: queues.jobs,
        DeadLetterQueueUrl: queues.deadLetters,
      },
      lambdaEndpoint: lambda.url,
      sqsEndpoint: queueServer.url,
      workerEnvironment,
    },
    async stop() {
      // What feeds the functions first: it waits for invocations under way, which end with their instances.
      const fed = Promise.all([schedule.stop(), eventSource.stop()]);
      await lambda.stop();
      await fed;
      await parts.disposeAsync();
    },
  };
}

/** The broker's table, deleted at the end: the engine may outlive the run. */
async function startTable(endpoint: string, name: string): Promise<{ stop(): Promise<void> }> {
  const dynamodb = new DynamoDBClient({ ...LOCAL_SDK_CONFIG, endpoint });
  await createTable(dynamodb, name);
  return {
    async stop() {
      await dynamodb.send(new DeleteTableCommand({ TableName: name }));
      dynamodb.destroy();
    },
  };
}
