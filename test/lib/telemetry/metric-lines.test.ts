import { describe, expect, test } from 'vitest';

import {
  METRIC_NAMESPACE,
  METRICS,
  type MetricChoice,
  type MetricDefinition,
  type MetricName,
} from '../../../lib/contract.ts';
import { createMetricBuffer, type MetricBuffer } from '../../../lib/telemetry/metric-lines.ts';

const NOW_MS = 1_700_000_000_000;
const ALL = Object.entries(METRICS) as [MetricName, MetricDefinition][];

function linesOf(use: (buffer: MetricBuffer) => void, choice: MetricChoice = 'alarmed') {
  const buffer = createMetricBuffer({ service: 'my-broker', function: 'minter' }, choice, () => NOW_MS);
  use(buffer);
  const lines = buffer.drain();
  expect(buffer.drain()).toEqual([]);
  return lines.map((line) => JSON.parse(line));
}

const labelsOf = ({ dimensions, properties }: MetricDefinition) =>
  Object.fromEntries([...dimensions, ...properties].map((label) => [label, `a ${label}`]));

describe('as a metric of CloudWatch', () => {
  test.each(ALL)('%s has its unit, its dimensions and its labels', (name, definition) => {
    const labels = labelsOf(definition);
    const lines = linesOf((buffer) => buffer.add(name, 7, labels), 'all');
    expect(lines).toEqual([
      {
        _aws: {
          Timestamp: NOW_MS,
          CloudWatchMetrics: [
            {
              Namespace: METRIC_NAMESPACE,
              Dimensions: [['service', ...definition.dimensions]],
              Metrics: [{ Name: name, Unit: definition.unit }],
            },
          ],
        },
        service: 'my-broker',
        function: 'minter',
        ...labels,
        [name]: 7,
      },
    ]);
  });
});

describe('where only what is alarmed is a metric', () => {
  test.each(ALL)('%s is in the log all the same', (name, definition) => {
    const labels = labelsOf(definition);
    const [line] = linesOf((buffer) => buffer.add(name, 7, labels));
    expect(line).toMatchObject({ service: 'my-broker', ...labels, [name]: 7 });
    expect('_aws' in line).toBe(definition.alarmed === true);
  });

  test('a line that has both names what is a metric alone', () => {
    const of = { budget: 'a', stream: 'worker' };
    const lines = linesOf((buffer) => {
      buffer.add('TicketsRefused', 2, of);
      buffer.add('TicketsGranted', 3, of);
      buffer.add('TicketWait', 170, of);
    });
    expect(lines).toMatchObject([{ ...of, TicketsRefused: 2, TicketsGranted: 3, TicketWait: 170 }]);
    expect(lines[0]._aws.CloudWatchMetrics[0].Metrics).toEqual([{ Name: 'TicketsGranted', Unit: 'Count' }]);
  });
});

test('of what is alarmed for some of its labels, the others are in the log alone', () => {
  const lines = linesOf((buffer) => {
    for (const stream of ['worker', 'minter']) buffer.add('TicketsGranted', 3, { budget: 'a', stream });
  });
  expect(lines.map((line) => [line.stream, '_aws' in line])).toEqual([
    ['worker', true],
    ['minter', false],
  ]);
});

test('what shares its labels and dimensions shares a line; clients do not, nor does what has other dimensions', () => {
  const lines = linesOf((buffer) => {
    buffer.add('TokenMinted', 1, { client: 'mocha' });
    buffer.add('TokenMinted', 1, { client: 'latte' });
    buffer.add('SecondsToExpiry', 30, { client: 'mocha' });
    buffer.add('MintFailed', 1, { client: 'mocha', code: 'invalid_scope' });
  });
  expect(lines).toMatchObject([
    { client: 'mocha', TokenMinted: 1, SecondsToExpiry: 30 },
    { client: 'latte', TokenMinted: 1 },
    { client: 'mocha', code: 'invalid_scope', MintFailed: 1 },
  ]);
});

test('of several values a sum, the largest or the latest is told', () => {
  const [line] = linesOf((buffer) => {
    for (const value of [3, 5, 4]) {
      buffer.add('JobDone', value, { client: 'mocha' });
      buffer.add('JobAge', value, { client: 'mocha' });
      buffer.add('SecondsToExpiry', value, { client: 'mocha' });
    }
  });
  expect(line).toMatchObject({ JobDone: 12, JobAge: 5, SecondsToExpiry: 4 });
});

test('what was told is forgotten', () => {
  const buffer = createMetricBuffer({ service: 'my-broker' }, 'alarmed', () => NOW_MS);
  buffer.add('JobDone', 1, { client: 'mocha' });
  buffer.drain();
  buffer.add('JobDone', 1, { client: 'mocha' });
  expect(buffer.drain().map((line) => JSON.parse(line))).toMatchObject([{ JobDone: 1 }]);
});
