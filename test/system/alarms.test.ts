import { setTimeout as sleep } from 'node:timers/promises';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { alarmState } from '../../infra/local/emulators/cloudwatch/alarm.ts';
import { widgetsOf } from '../../infra/local/emulators/cloudwatch/dashboard.ts';
import { putFunctionMetric } from '../../infra/local/emulators/cloudwatch/function-metrics.ts';
import { createMetricStore, type MetricId } from '../../infra/local/emulators/cloudwatch/metric-store.ts';
import { metricsOf } from '../../infra/local/emulators/cloudwatch/query.ts';
import { putQueueMetrics } from '../../infra/local/emulators/cloudwatch/queue-metrics.ts';
import { synthesize } from '../../infra/local/emulators/cloudwatch/synthesize.ts';
import { alarmsOf } from '../../infra/local/emulators/cloudwatch/template.ts';
import { secondMsOf } from '../../infra/local/emulators/cloudwatch/time-scale.ts';
import { type Deployment, startDeployment } from '../../infra/local/run/deployment.ts';
import { createEventLog } from '../../infra/local/run/events.ts';
import { submitJobs } from '../../infra/local/run/jobs.ts';
import { METRIC_NAMESPACE } from '../../lib/contract.ts';
import { FAST_PROFILE } from '../fixtures/fast-profile.ts';

/** The alarms and widgets of the template against the metrics that the functions' bundles write, fault by fault. */

const PATIENCE_MS = 20_000;

const template = synthesize(FAST_PROFILE);
const alarms = alarmsOf(template);
const store = createMetricStore();
const events = createEventLog(Date.now);
const over = new AbortController();
/** Every alarm that has ever been raised. */
const raised = new Set<string>();
let deployment: Deployment;
let watching: Promise<unknown>;

beforeAll(async () => {
  events.subscribe((event) => putFunctionMetric(store, event, secondMsOf(FAST_PROFILE)));
  deployment = await startDeployment({
    profile: FAST_PROFILE,
    workers: 6,
    events,
    now: Date.now,
    dynamodbUrl: undefined,
  });
  watching = Promise.all([
    putQueueMetrics({
      queues: deployment.queues,
      template,
      store,
      now: Date.now,
      everyMs: 500,
      secondMs: secondMsOf(FAST_PROFILE),
      signal: over.signal,
    }),
    watchAlarms(),
  ]);
}, 60_000);

afterAll(async () => {
  over.abort();
  await watching;
  await deployment.stop();
});

async function watchAlarms(): Promise<void> {
  while (!over.signal.aborted) {
    for (const name of raisedNow()) raised.add(name);
    await sleep(100);
  }
}

function raisedNow(): readonly string[] {
  return alarms
    .filter((alarm) => alarmState(alarm, store, Date.now(), secondMsOf(FAST_PROFILE)) === 'ALARM')
    .map(({ name }) => name.replace('token-broker-', ''));
}

async function until(condition: () => boolean): Promise<void> {
  const lastMs = Date.now() + PATIENCE_MS;
  while (!condition() && Date.now() < lastMs) await sleep(50);
}

async function expectRaised(...names: readonly string[]): Promise<void> {
  await until(() => names.every((name) => raised.has(name)));
  expect([...raised]).toEqual(expect.arrayContaining([...names]));
}

async function expectOver(...names: readonly string[]): Promise<void> {
  await until(() => !names.some((name) => raisedNow().includes(name)));
  expect(raisedNow().filter((name) => names.includes(name))).toEqual([]);
}

function submit(perSecond: number, durationMs: number): Promise<void> {
  const endMs = performance.now() + durationMs;
  return submitJobs({
    sqs: deployment.sqs,
    queueUrl: deployment.queues.jobs,
    backlog: 0,
    perSecond: () => perSecond,
    next: () => (performance.now() < endMs ? 'submit' : 'end'),
    record: events.record,
    signal: over.signal,
  });
}

/**
 * Of secrets that are removed, instances that freeze, clocks that are off and servers that contradict themselves, which this deployment does not have:
 * test/lib/budget/ and test/lib/minter/ do.
 */
const OF_OTHER_WORLDS = new Set([
  'CounterImplausible',
  'ClientRemoved',
  'DiscoveryFailed',
  'TicketsExpired',
  'ClockOffset',
  'ExpiryDisagreement',
]);

describe('each alarm is raised by its own fault', () => {
  test('none without one', async () => {
    // The ticks before the first one are missing.
    await expectOver('TicksMissing', 'TokenAboutToExpire', 'ClientWithoutToken');
    raised.clear();
    await submit(5, 4_000);
    expect([...raised]).toEqual([]);
  }, 60_000);

  test('BudgetSaturated: more jobs than calls', async () => {
    raised.clear();
    await submit(30, 14_000);
    await expectRaised('BudgetSaturated-local');
    expect([...raised]).toEqual(['BudgetSaturated-local']);
  }, 60_000);

  test('DeadJobs: a job that nobody can do', async () => {
    raised.clear();
    await deployment.sqs.send(
      new SendMessageCommand({ QueueUrl: deployment.queues.jobs, MessageBody: 'no job' }),
    );
    await expectRaised('DeadJobs');
  }, 60_000);

  test('ClientsFailing, TokenAboutToExpire, then ClientWithoutToken: the authorization server is away', async () => {
    raised.clear();
    deployment.cloud.setOutage('unavailable');
    await expectRaised('ClientsFailing', 'TokenAboutToExpire', 'ClientWithoutToken');
    expect([...raised].indexOf('TokenAboutToExpire')).toBeLessThan([...raised].indexOf('ClientWithoutToken'));
    deployment.cloud.setOutage(undefined);
    await expectOver('ClientsFailing', 'TokenAboutToExpire', 'ClientWithoutToken');
  }, 60_000);

  test('TicksMissing and DeadTicks: the table is away', async () => {
    raised.clear();
    deployment.table.setAway(true);
    await expectRaised('TicksMissing');
    deployment.table.setAway(false);
    await expectRaised('DeadTicks');
    await expectOver('TicksMissing');
  }, 60_000);

  test('none by a token that is revoked and replaced at once', async () => {
    await expectOver('TokenAboutToExpire', 'ClientWithoutToken', 'ClientsFailing');
    const before = new Set(raisedNow());
    raised.clear();
    deployment.cloud.revoke('mocha');
    await submit(5, 3_000);
    expect([...raised].filter((name) => !before.has(name))).toEqual([]);
  }, 60_000);

  test('none by jobs that fail and are tried again', async () => {
    const before = new Set(raisedNow());
    raised.clear();
    deployment.cloud.setRejectAll(true);
    await submit(5, 2_000);
    deployment.cloud.setRejectAll(false);
    expect([...raised].filter((name) => !before.has(name))).toEqual([]);
  }, 60_000);

  test('CredentialsRefused: another secret is right', async () => {
    raised.clear();
    deployment.cloud.setBroken('latte', true);
    await expectRaised('CredentialsRefused');
  }, 60_000);

  test('WafRefusedCall: one call is refused, and others pass', async () => {
    raised.clear();
    deployment.cloud.block(300);
    await submit(10, 4_000);
    await expectRaised('WafRefusedCall-local');
    expect([...raised]).not.toContain('WafBlock-local');
  }, 60_000);

  test('WafBlock: somebody else behind the address', async () => {
    raised.clear();
    deployment.cloud.block(8_000);
    await submit(10, 6_000);
    await expectRaised('WafBlock-local');
  }, 60_000);

  test('there is no other alarm', () => {
    expect(alarms.map(({ name }) => name.replace('token-broker-', '')).sort()).toEqual([
      'BudgetSaturated-local',
      'ClientRemoved',
      'ClientWithoutToken',
      'ClientsFailing',
      'CounterImplausible-local',
      'CredentialsRefused',
      'DeadJobs',
      'DeadTicks',
      'DiscoveryFails',
      'TicksMissing',
      'TokenAboutToExpire',
      'WafBlock-local',
      'WafRefusedCall-local',
      'WorkStands',
      'WorkerFails-local',
    ]);
  });
});

describe('what alarms and widgets ask for', () => {
  const graphs = widgetsOf(template).flatMap((widget) => (widget.kind === 'graph' ? [widget] : []));
  const asked = [...alarms, ...graphs.flatMap(({ lines }) => lines)]
    .flatMap(({ query }) => metricsOf(query))
    .filter(({ namespace, name }) => namespace === METRIC_NAMESPACE && !OF_OTHER_WORLDS.has(name));
  /** Name and dimensions. Of failed mints one code stands for all: each has a fault of its own. */
  const nameOf = ({ name, dimensions }: MetricId): string =>
    JSON.stringify([name, Object.entries({ ...dimensions, ...(dimensions.code && { code: '' }) }).sort()]);

  test('was emitted, with those dimensions, in this run', () => {
    const emitted = new Set(store.metrics().map(nameOf));
    expect([...new Set(asked.map(nameOf))].filter((name) => !emitted.has(name))).toEqual([]);
  });
});
