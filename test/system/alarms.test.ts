import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { DeleteSecretCommand } from '@aws-sdk/client-secrets-manager';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';

import { entryOf } from '../../infra/bundling.ts';
import { bundle } from '../../infra/local/emulators/bundles.ts';
import { alarmState } from '../../infra/local/emulators/cloudwatch/alarm.ts';
import { widgetsOf } from '../../infra/local/emulators/cloudwatch/dashboard.ts';
import { putFunctionMetric } from '../../infra/local/emulators/cloudwatch/function-metrics.ts';
import { createMetricStore, type MetricId } from '../../infra/local/emulators/cloudwatch/metric-store.ts';
import { metricsOf } from '../../infra/local/emulators/cloudwatch/query.ts';
import { queueMetric } from '../../infra/local/emulators/cloudwatch/queue-metrics.ts';
import { synthesize } from '../../infra/local/emulators/cloudwatch/synthesize.ts';
import { alarmsOf } from '../../infra/local/emulators/cloudwatch/template.ts';
import { startLambda } from '../../infra/local/emulators/lambda/lambda.ts';
import { localEnvironment } from '../../infra/local/emulators/local.ts';
import { startDeployment } from '../../infra/local/run/deployment.ts';
import { createEventLog } from '../../infra/local/run/events.ts';
import { VENDOR_PROFILE } from '../../infra/local/run/profile.ts';
import { type BudgetSettings, DEFAULT_BUDGET_SETTINGS } from '../../lib/budget/settings.ts';
import { DEFAULT_SECRET_PREFIX, METRIC_NAMESPACE, TABLE } from '../../lib/contract.ts';
import { DEFAULT_TOKEN_SETTINGS } from '../../lib/token/settings.ts';
import { FAST_PROFILE } from '../fixtures/fast-profile.ts';
import { startVirtualSystem, type VirtualSystem } from '../fixtures/virtual-time/system.ts';

/**
 * Each alarm of the template is raised by its own fault and by no other, and is over when the fault is: the whole broker on
 * virtual time, its metrics, and CloudWatch's rules for states.
 */

const MINUTE = 60_000;

/** A fifth of the vendor's rate, for fewer calls. At a tenth a batch of ten is most of the line, and what one leaves is lost. */
const BUDGET: BudgetSettings = {
  ...DEFAULT_BUDGET_SETTINGS,
  limit: 480,
  worker: { ...DEFAULT_BUDGET_SETTINGS.worker, intervalMs: 850 },
};
const CLIENTS = [
  { name: 'mocha', lifetimeSeconds: 600 },
  { name: 'latte', lifetimeSeconds: 600 },
];

const template = synthesize({ ...VENDOR_PROFILE, budget: BUDGET, token: DEFAULT_TOKEN_SETTINGS });
const alarms = alarmsOf(template);

/** Only the machine's speed decides how long a story takes, and no verdict depends on that. */
vi.setConfig({ testTimeout: 600_000, hookTimeout: 600_000 });

/** What only a fault makes the functions emit. */
const OF_FAULTS = new Set([
  'ClientRemoved',
  'CounterImplausible',
  'MintFailed',
  'PauseAge',
  'SecretsNotListed',
  'WafRefusedCall',
]);
/** All that the stories emitted. */
const emitted = new Set<string>();

let store: ReturnType<typeof createMetricStore>;
let system: VirtualSystem;
let startedMs: number;

beforeEach(async () => {
  store = createMetricStore();
  system = await startVirtualSystem({ budget: BUDGET, clients: CLIENTS, workers: 4 });
  startedMs = system.time.now();
  system.events.subscribe((event) => putFunctionMetric(store, event, template));
  // The first ticks find the secrets, and the first jobs begin the counter.
  submit(1, 2);
  await play(5);
  return async () => {
    for (const metric of store.metrics()) emitted.add(nameOf(metric));
    await system.stop();
  };
});

/** Lets minutes pass. @returns every alarm that was raised at the end of one of them, in that order */
async function play(minutes: number): Promise<Set<string>> {
  const raised = new Set<string>();
  for (let minute = 0; minute < minutes; minute += 1) {
    await system.time.run(system.time.now() + MINUTE);
    putQueueMetrics();
    for (const name of raisedNow()) raised.add(name);
  }
  return raised;
}

function raisedNow(): readonly string[] {
  return alarms
    .filter((alarm) => alarmState(alarm, store, system.time.now(), 1000, startedMs) === 'ALARM')
    .map(({ name }) => name.replace('token-broker-', ''));
}

function putQueueMetrics(): void {
  const visible = { jobs: system.jobs.visible, deadLetters: system.deadJobs, deadTicks: system.deadTicks };
  for (const [queue, count] of Object.entries(visible) as [keyof typeof visible, number][])
    store.put(
      queueMetric(template, queue, 'ApproximateNumberOfMessagesVisible'),
      count,
      // Of the minute that has passed.
      system.time.now() - 1,
    );
}

function jobsDone(): number {
  const done = store.metrics().filter(({ name }) => name === 'JobDone');
  return done
    .flatMap((metric) => store.values(metric, startedMs, system.time.now()))
    .reduce((sum, value) => sum + value, 0);
}

/** Jobs that come one by one. */
function submit(perMinute: number, minutes: number): void {
  const fromMs = system.time.now();
  for (let job = 0; job < perMinute * minutes; job += 1)
    system.time.at(fromMs + (job * MINUTE) / perMinute, () =>
      system.jobs.send({ body: JSON.stringify({ method: 'GET', path: '/v1/locations' }) }),
    );
}

test('every alarm of the template has its fault below', () => {
  expect(alarms.map(({ name }) => name.replace('token-broker-', '')).sort()).toEqual([
    'BudgetSaturated-default',
    'CallsPaused-default',
    'ClientRemoved',
    'ClientWithoutToken',
    'ClientsFailing',
    'CounterImplausible-default',
    'CredentialsRefused',
    'DeadJobs',
    'DeadTicks',
    'SecretsNotListed',
    'TicksMissing',
    'TokenAboutToExpire',
    'WafBlock-default',
    'WafRefusedCall-default',
    'WorkStands',
    'WorkerFails-default',
  ]);
});

describe('no alarm is raised', () => {
  test('while all is well', async () => {
    submit(6, 20);
    expect(await play(20)).toEqual(new Set());
    expect(jobsDone()).toBe(2 + 6 * 20);
  });

  test('by a token that is revoked and replaced at once', async () => {
    submit(6, 5);
    system.cloud.revoke('mocha');
    expect(await play(5)).toEqual(new Set());
  });

  test('by jobs that fail for some minutes and are retried', async () => {
    submit(3, 6);
    system.cloud.setRejectAll(true);
    expect(await play(3)).toEqual(new Set());
    system.cloud.setRejectAll(false);
    expect(await play(15)).toEqual(new Set());
  });

  test('by an instance that dies once', async () => {
    submit(3, 15);
    let deaths = 1;
    system.faults.worker = async () => {
      deaths -= 1;
      if (deaths === 0) system.faults.worker = undefined;
      throw new Error('the instance died');
    };
    expect(await play(15)).toEqual(new Set());
    expect(deaths).toBe(0);
  });
});

test('BudgetSaturated: more jobs than calls', async () => {
  // More than the budget has, for one window more than it takes: a grant may be told in the window after its own.
  submit(90, 16);
  expect(await play(16)).toEqual(new Set(['BudgetSaturated-default']));
  await play(20);
  expect(raisedNow()).toEqual([]);
});

test('CallsPaused: a pause of more than an hour, for which no work stands', async () => {
  submit(1, 3);
  await system.operate({ pause: BUDGET.name, minutes: 90, reason: 'maintenance' });
  expect(await play(59)).toEqual(new Set());
  expect(await play(3)).toEqual(new Set(['CallsPaused-default']));
  await system.operate({ resume: BUDGET.name });
  await play(5);
  expect(raisedNow()).toEqual([]);
  expect(jobsDone()).toBe(2 + 3);
});

test('DeadJobs: a job that can never be done', async () => {
  system.jobs.send({ body: 'no job' });
  expect(await play(5)).toEqual(new Set(['DeadJobs']));
});

test('ClientsFailing and TokenAboutToExpire, then ClientWithoutToken: the authorization server is unavailable', async () => {
  system.cloud.setOutage('unavailable');
  const raised = [...(await play(15))];
  expect(raised.toSorted()).toEqual(['ClientWithoutToken', 'ClientsFailing', 'TokenAboutToExpire']);
  expect(raised.at(-1)).toBe('ClientWithoutToken');
  system.cloud.setOutage(undefined);
  await play(5);
  expect(raisedNow()).toEqual([]);
});

test('CredentialsRefused: another secret is right', async () => {
  system.cloud.setBroken('latte', true);
  // Its token is renewed two minutes before its end.
  const raised = [...(await play(10))];
  expect(raised).toEqual(expect.arrayContaining(['CredentialsRefused', 'ClientWithoutToken']));
  expect(raised.indexOf('CredentialsRefused')).toBeLessThan(raised.indexOf('ClientWithoutToken'));
});

test('ClientRemoved: the secret of a client is deleted, and with the client its other alarms are over', async () => {
  await system.secretsManager.send(
    new DeleteSecretCommand({
      SecretId: `${DEFAULT_SECRET_PREFIX}/latte`,
      ForceDeleteWithoutRecovery: true,
    }),
  );
  expect(await play(30)).toContain('ClientRemoved');
  expect(raisedNow()).toEqual([]);
});

test('CounterImplausible: something has moved a counter by a day', async () => {
  submit(6, 10);
  await play(1);
  await system.table.dynamodb.send(
    new UpdateItemCommand({
      TableName: system.table.table,
      Key: { [TABLE.partitionKey]: { S: TABLE.budgetKey(BUDGET.name, 'worker') } },
      UpdateExpression: 'SET nextMs = :later',
      ExpressionAttributeValues: { ':later': { N: String(system.time.now() + 24 * 60 * MINUTE) } },
    }),
  );
  expect(await play(10)).toEqual(new Set(['CounterImplausible-default']));
});

test('SecretsNotListed: the minter may not list secrets, and tokens are minted all the same', async () => {
  system.faults.isRefused = (action) => action === 'ListSecretsCommand';
  expect(await play(20)).toEqual(new Set(['SecretsNotListed']));
  system.faults.isRefused = () => false;
  await play(3);
  expect(raisedNow()).toEqual([]);
});

test('TicksMissing and DeadTicks: the table is unavailable', async () => {
  system.faults.isTableAway = true;
  expect(await play(6)).toEqual(new Set(['DeadTicks', 'TicksMissing']));
  system.faults.isTableAway = false;
  await play(3);
  // Dead ticks wait for an operator.
  expect(raisedNow()).toEqual(['DeadTicks']);
});

test('WafRefusedCall: one call is refused, and others pass', async () => {
  submit(6, 2);
  system.cloud.block(5_000);
  expect(await play(6)).toEqual(new Set(['WafRefusedCall-default']));
});

test('WafBlock: it lasts as long as calls rest', async () => {
  submit(6, 8);
  system.cloud.block(8 * MINUTE);
  expect(await play(2)).toContain('WafBlock-default');
  for (let minute = 2; minute < 8; minute += 1) {
    await play(1);
    expect(raisedNow(), `minute ${minute}`).toContain('WafBlock-default');
  }
  await play(15);
  expect(raisedNow()).not.toContain('WafBlock-default');
});

test('WorkStands: the worker may not use its counter, and jobs go back to the queue for ever', async () => {
  submit(1, 3);
  system.faults.isRefused = (_, key) => key === TABLE.budgetKey(BUDGET.name, 'worker');
  expect(await play(14)).toEqual(new Set());
  expect(await play(16)).toEqual(new Set(['WorkStands']));
  system.faults.isRefused = () => false;
  await play(20);
  expect(raisedNow()).toEqual([]);
});

describe('WorkerFails', () => {
  let dying: Awaited<ReturnType<typeof startDyingWorker>>;
  beforeAll(async () => {
    dying = await startDyingWorker();
  });
  afterAll(() => dying.stop());

  test('the worker dies at its start: it was not told its broker', async () => {
    submit(1, 3);
    system.faults.worker = dying.invoke;
    expect(await play(15)).toEqual(new Set(['WorkerFails-default']));
    system.faults.worker = undefined;
    await play(15);
    expect(raisedNow()).toEqual([]);
  });
});

describe('what alarms and widgets ask for', () => {
  const graphs = widgetsOf(template).flatMap((widget) => (widget.kind === 'graph' ? [widget] : []));
  const asked = [...alarms, ...graphs.flatMap(({ lines }) => lines)]
    .flatMap(({ query }) => metricsOf(query))
    .filter(({ namespace }) => namespace === METRIC_NAMESPACE);

  test('was emitted, with those dimensions, in the stories above', () => {
    expect([...new Set(asked.map(nameOf))].filter((name) => !emitted.has(name))).toEqual([]);
  });

  test('is written by the bundles, as far as alarms look at it and it takes no fault', async () => {
    const wanted = new Set(
      alarms
        .flatMap(({ query }) => metricsOf(query))
        .filter(({ namespace, name }) => namespace === METRIC_NAMESPACE && !OF_FAULTS.has(name))
        .map(nameOf),
    );
    const { promise: all, resolve } = Promise.withResolvers<void>();
    const events = createEventLog(Date.now);
    events.subscribe((event) => {
      if (event.kind !== 'metric') return;
      const { namespace, metric: name, dimensions } = event;
      wanted.delete(nameOf({ namespace, name, dimensions }));
      if (wanted.size === 0) resolve();
    });
    const profile = { ...FAST_PROFILE, budget: { ...FAST_PROFILE.budget, name: BUDGET.name } };
    const deployment = await startDeployment({
      profile,
      workers: 2,
      events,
      now: Date.now,
      dynamodbUrl: undefined,
    });
    const { sqs, queues } = deployment;
    const body = JSON.stringify({ method: 'GET', path: '/v1/locations' });
    await sqs.send(new SendMessageCommand({ QueueUrl: queues.jobs, MessageBody: body }));
    // Without an end of its own: if one is missing, the test's time-out says so.
    await all.finally(() => deployment.stop());
    expect([...wanted]).toEqual([]);
  });
});

/** Name and dimensions. Of failed mints one code stands for all. */
function nameOf({ name, dimensions }: MetricId): string {
  return JSON.stringify([
    name,
    Object.entries({ ...dimensions, ...(dimensions.code && { code: '' }) }).sort(),
  ]);
}

/** The worker's real bundle in an environment in which it cannot start. */
async function startDyingWorker() {
  const bundles = await bundle({ worker: entryOf('worker') });
  const lambda = await startLambda(() => {});
  const pool = lambda.add({
    name: 'worker',
    bundleUrl: bundles.urlOf('worker'),
    environment: localEnvironment({ dynamodb: 'http://127.0.0.1:1' }),
    concurrency: 10,
    timeoutMs: 60_000,
    memoryMb: 256,
  });
  return {
    async invoke(event: SQSEvent): Promise<SQSBatchResponse> {
      const result = await pool.invoke(JSON.stringify(event));
      if (!result.ok) throw new Error(result.error.errorType);
      return JSON.parse(result.payload);
    },
    async stop() {
      await lambda.stop();
      await bundles.remove();
    },
  };
}
