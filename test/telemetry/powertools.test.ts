import { afterEach, expect, test, vi } from 'vitest';

import { METRIC_NAMESPACE, METRICS, type MetricName } from '../../lib/contract.ts';
import { createPowertoolsTelemetry } from '../../lib/telemetry/powertools.ts';
import type { Telemetry } from '../../lib/telemetry/telemetry.ts';

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

/** The lines in the embedded metric format that `use` leaves on stdout. */
function linesOf(use: (telemetry: Telemetry) => void): Line[] {
  const written: string[] = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => written.push(String(chunk)) > 0);
  const telemetry = createPowertoolsTelemetry('my-broker');
  use(telemetry);
  expect(written).toEqual([]);
  telemetry.flush();
  telemetry.flush();
  vi.restoreAllMocks();
  return written.map((line) => JSON.parse(line));
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
