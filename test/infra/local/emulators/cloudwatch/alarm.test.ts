import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { type AlarmDefinition, alarmState } from '../../../../../infra/local/emulators/cloudwatch/alarm.ts';
import { embeddedMetrics } from '../../../../../infra/local/emulators/cloudwatch/embedded-metrics.ts';
import { createMetricStore } from '../../../../../infra/local/emulators/cloudwatch/metric-store.ts';
import { statisticOf } from '../../../../../infra/local/emulators/cloudwatch/statistic.ts';

const MINUTE = 60_000;
const metric = { namespace: 'Test', name: 'Calls', dimensions: { a: '1', b: '2' } };

const alarm = (changes: Partial<AlarmDefinition>): AlarmDefinition => ({
  name: 'Calls',
  description: '',
  query: { metric, statistic: 'Sum', periodSeconds: 60 },
  comparison: 'GreaterThanOrEqualToThreshold',
  threshold: 2,
  evaluationPeriods: 3,
  datapointsToAlarm: 2,
  treatMissingData: 'notBreaching',
  ...changes,
});

/** One value in the middle of each minute; undefined: none. */
function storeWith(...minutes: readonly (number | undefined)[]) {
  const store = createMetricStore();
  minutes.forEach((value, minute) => {
    if (value !== undefined) store.put(metric, value, (minute + 0.5) * MINUTE);
  });
  return store;
}

describe('an alarm of two in three minutes', () => {
  test.each([
    [[2, 2, 0], 'ALARM'],
    [[2, 0, 3], 'ALARM'],
    [[2, 0, 1], 'OK'],
    [[2, undefined, 2], 'ALARM'],
    [[undefined, undefined, 2], 'OK'],
  ] as const)('%j: %s', (minutes, state) => {
    expect(alarmState(alarm({}), storeWith(...minutes), 3 * MINUTE)).toBe(state);
  });

  test('looks at complete minutes alone', () => {
    expect(alarmState(alarm({}), storeWith(0, 2, 2), 3 * MINUTE - 1)).toBe('OK');
  });

  test.each([
    ['breaching', 'ALARM'],
    ['notBreaching', 'OK'],
    ['missing', 'INSUFFICIENT_DATA'],
  ] as const)('without any data, %s: %s', (treatMissingData, state) => {
    expect(alarmState(alarm({ treatMissingData }), storeWith(), 3 * MINUTE)).toBe(state);
  });

  test('goes by the faster minutes of a local run', () => {
    const store = createMetricStore();
    for (const atMs of [500, 1500, 2500]) store.put(metric, 2, atMs);
    expect(alarmState(alarm({}), store, 3000, 1000 / 60)).toBe('ALARM');
  });

  test.each([
    ['LessThanThreshold', 1, 'ALARM'],
    ['LessThanThreshold', 2, 'OK'],
    ['LessThanOrEqualToThreshold', 2, 'ALARM'],
    ['GreaterThanThreshold', 2, 'OK'],
  ] as const)('%s, %i: %s', (comparison, value, state) => {
    expect(alarmState(alarm({ comparison }), storeWith(value, value, value), 3 * MINUTE)).toBe(state);
  });
});

test('metrics are told apart by their dimensions, in whatever order', () => {
  const store = createMetricStore();
  store.put({ ...metric, dimensions: { b: '2', a: '1' } }, 1, 0);
  store.put({ ...metric, dimensions: { a: '1' } }, 5, 0);
  expect(store.values(metric, 0, 1)).toEqual([1]);
  expect(store.metrics()).toHaveLength(2);
});

test.each([
  ['Sum', 10],
  ['Minimum', 1],
  ['Maximum', 4],
  ['Average', 2.5],
  ['SampleCount', 4],
  ['p50', 2],
  ['p99', 4],
])('%s', (name, value) => {
  expect(statisticOf(name, [4, 1, 3, 2])).toBe(value);
  expect(statisticOf(name, [])).toBeUndefined();
});

test('a statistic that is not known is refused', () => {
  expect(() => statisticOf('tm99', [1])).toThrow('tm99');
});

test('lines in the embedded metric format are metrics; others are not', () => {
  const line = {
    _aws: {
      Timestamp: 1,
      CloudWatchMetrics: [
        {
          Namespace: 'Test',
          Dimensions: [['service', 'code'], ['service']],
          Metrics: [{ Name: 'Failed', Unit: 'Count' }],
        },
      ],
    },
    service: 'mine',
    code: 'oauth_unavailable',
    client: 'mocha',
    Failed: [1, 2],
  };
  const labels = { service: 'mine', code: 'oauth_unavailable', client: 'mocha' };
  const metric = { namespace: 'Test', metric: 'Failed', unit: 'Count', labels };
  const { client: _, ...both } = labels;
  expect(embeddedMetrics(JSON.stringify(line))).toEqual([
    { ...metric, dimensions: both, value: 1 },
    { ...metric, dimensions: both, value: 2 },
    { ...metric, dimensions: { service: 'mine' }, value: 1 },
    { ...metric, dimensions: { service: 'mine' }, value: 2 },
  ]);
  for (const other of ['', '{', '{"_aws":1}', '{"message":"_aws"}', '"_aws"'])
    expect(embeddedMetrics(other)).toEqual([]);
});

test('a store keeps what is younger than it was told, and does not grow for ever', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 3_000, maxLength: 6_000 }), (gaps) => {
      const keepMs = 1_000;
      const store = createMetricStore(keepMs);
      let atMs = 0;
      const times = gaps.map((gap) => {
        atMs += gap;
        store.put(metric, atMs, atMs);
        return atMs;
      });
      expect(store.values(metric, atMs - keepMs, atMs + 1)).toEqual(
        times.filter((time) => time >= atMs - keepMs),
      );
      const young = times.filter((time) => time >= atMs - keepMs).length;
      expect(store.values(metric, 0, atMs + 1).length).toBeLessThanOrEqual(young + 1_000);
    }),
    { numRuns: 20 },
  );
});
