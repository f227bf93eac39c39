import { InvokeStore, InvokeStoreBase } from '@aws/lambda-invoke-store';
import { afterEach, expect, test, vi } from 'vitest';

import { METRIC_NAMESPACE, METRICS, type MetricName } from '../../../lib/contract.ts';
import { withLogFields } from '../../../lib/telemetry/log-fields.ts';
import { createPowertoolsTelemetry } from '../../../lib/telemetry/powertools.ts';
import type { BufferedTelemetry, Telemetry } from '../../../lib/telemetry/telemetry.ts';

interface Line {
  readonly _aws: {
    readonly CloudWatchMetrics: readonly [
      {
        readonly Namespace: string;
        readonly Dimensions: readonly (readonly string[])[];
        readonly Metrics: readonly { readonly Name: string; readonly Unit: string }[];
      },
    ];
  };
  readonly [member: string]: unknown;
}

afterEach(() => vi.restoreAllMocks());

/** The lines that `use` leaves on stdout and stderr. */
function written(use: (telemetry: BufferedTelemetry) => void): string[] {
  const lines: string[] = [];
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, 'write').mockImplementation((chunk) => lines.push(String(chunk)) > 0);
  }
  use(createPowertoolsTelemetry('my-broker'));
  vi.restoreAllMocks();
  return lines;
}

/** The lines in the embedded metric format: they come with the flush, once. */
function linesOf(use: (telemetry: Telemetry) => void): Line[] {
  expect(written(use)).toEqual([]);
  const lines = written((telemetry) => {
    use(telemetry);
    telemetry.flush();
    telemetry.flush();
  });
  return lines.map((line) => JSON.parse(line));
}

/** Any metric at all, as no code may emit it: by name. */
type AnyMetric = (name: MetricName, value: number, labels: object) => void;

test.each(Object.entries(METRICS))(
  '%s is written with its unit, its dimensions and its properties',
  (name, definition) => {
    const { unit, dimensions, properties } = definition;
    const labels = Object.fromEntries([...dimensions, ...properties].map((label) => [label, `a ${label}`]));
    const [line, ...more] = linesOf((telemetry) =>
      (telemetry.metric as AnyMetric)(name as MetricName, 7, labels),
    );
    expect(more).toEqual([]);
    expect(line).toMatchObject({ ...labels, service: 'my-broker', [name]: 7 });
    const [metrics] = line?._aws.CloudWatchMetrics ?? [];
    expect(metrics?.Namespace).toBe(METRIC_NAMESPACE);
    expect(metrics?.Metrics).toEqual([{ Name: name, Unit: unit }]);
    expect(metrics?.Dimensions.map((set) => [...set].sort())).toEqual([['service', ...dimensions].sort()]);
  },
);

test('what shares its labels shares a line; clients do not', () => {
  const lines = linesOf((telemetry) => {
    telemetry.metric('TokenMinted', 1, { client: 'mocha' });
    telemetry.metric('TokenMinted', 1, { client: 'latte' });
    telemetry.metric('SecondsToExpiry', 30, { client: 'mocha' });
    telemetry.metric('SecondsToExpiry', 60, { client: 'mocha' });
  });
  expect(lines).toHaveLength(2);
  expect(lines).toContainEqual(
    expect.objectContaining({ client: 'mocha', TokenMinted: 1, SecondsToExpiry: [30, 60] }),
  );
  expect(lines).toContainEqual(expect.objectContaining({ client: 'latte', TokenMinted: 1 }));
});

test('what happened is added up; levels and times are told one by one', () => {
  const [line] = linesOf((telemetry) => {
    for (const value of [1, 2, 3]) {
      telemetry.metric('MinterTick', value, {});
      telemetry.metric('ClientsFailing', value, {});
    }
  });
  expect(line).toMatchObject({ MinterTick: 6, ClientsFailing: [1, 2, 3] });
  const wait = { budget: 'a', stream: 'worker' };
  const [waits] = linesOf((telemetry) => {
    for (const value of [4, 5]) telemetry.metric('TicketWait', value, wait);
  });
  expect(waits).toMatchObject({ ...wait, TicketWait: [4, 5] });
});

test('CloudWatch takes a hundred values of a line: there are more lines then, with the same labels', () => {
  const seconds = (count: number) =>
    linesOf((telemetry) => {
      telemetry.metric('TokenMinted', 1, { client: 'mocha' });
      for (let second = 0; second < count; second += 1)
        telemetry.metric('SecondsToExpiry', second, { client: 'mocha' });
    });
  const hundred = (from: number) => Array.from({ length: 100 }, (_, index) => from + index);
  const lines = seconds(201);
  expect(lines).toMatchObject([
    { client: 'mocha', TokenMinted: 1, SecondsToExpiry: hundred(0) },
    { client: 'mocha', SecondsToExpiry: hundred(100) },
    { client: 'mocha', SecondsToExpiry: 200 },
  ]);
  expect(lines[1]).not.toHaveProperty('TokenMinted');
  expect(lines[1]?._aws.CloudWatchMetrics[0].Metrics).toEqual([{ Name: 'SecondsToExpiry', Unit: 'Seconds' }]);
  expect(seconds(100)).toHaveLength(1);
});

test('a secret that a mistake brought into a log line is taken out of it', () => {
  const [line] = written((telemetry) =>
    telemetry.log('error', 'a mistake', { authorization: 'Basic MARKERMARKER', note: 'Bearer MARKERMARKER' }),
  );
  expect(line).toContain('[redacted]');
  expect(line).not.toContain('MARKER');
});

test('a log line says which invocation it is of, also where several run at once, and outside of any says nothing', async () => {
  // As Lambda's runtime does where an environment serves several invocations.
  const invocations = await InvokeStore.getInstanceAsync(true);
  const { REQUEST_ID } = InvokeStoreBase.PROTECTED_KEYS;
  const lines: string[] = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => lines.push(String(chunk)) > 0);
  const telemetry = createPowertoolsTelemetry('my-broker');
  const invoke = (id: string) =>
    invocations.run({ [REQUEST_ID]: id }, async () => {
      telemetry.log('info', id);
      await Promise.resolve();
      telemetry.log('info', id);
    });
  await Promise.all([invoke('first'), invoke('second')]);
  telemetry.log('info', 'outside');
  vi.restoreAllMocks();
  const ids = lines.map((line) => JSON.parse(line)).map(({ message, requestId }) => [message, requestId]);
  expect(ids).toEqual([
    ['first', 'first'],
    ['second', 'second'],
    ['first', 'first'],
    ['second', 'second'],
    ['outside', undefined],
  ]);
});

test('every line says its function, and what the work around it adds', () => {
  const stream = vi.spyOn(process.stdout, 'write');
  const lines: string[] = [];
  stream.mockImplementation((chunk) => lines.push(String(chunk)) > 0);
  const telemetry = createPowertoolsTelemetry('my-broker', 'worker');
  telemetry.log('info', 'outside');
  withLogFields({ jobId: 'j1' }, () => {
    telemetry.log('info', 'inside', { client: 'mocha' });
    withLogFields({ part: 2 }, () => telemetry.log('info', 'deeper'));
  });
  vi.restoreAllMocks();
  const fields = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(fields.map((line) => [line.function, line.jobId, line.part, line.client])).toEqual([
    ['worker', undefined, undefined, undefined],
    ['worker', 'j1', undefined, 'mocha'],
    ['worker', 'j1', 2, undefined],
  ]);
});
