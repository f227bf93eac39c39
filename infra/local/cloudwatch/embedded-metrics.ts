import type { MetricId } from './metric-store.ts';

/** One metric of a line, with its values. */
export interface EmbeddedMetric {
  readonly metric: MetricId;
  readonly unit: string;
  readonly values: readonly number[];
}

interface Line {
  readonly _aws: {
    readonly CloudWatchMetrics: readonly {
      readonly Namespace: string;
      readonly Dimensions: readonly (readonly string[])[];
      readonly Metrics: readonly { readonly Name: string; readonly Unit: string }[];
    }[];
  };
  readonly [member: string]: unknown;
}

/** What CloudWatch takes from a line of a log in the embedded metric format; nothing from any other line. */
export function embeddedMetrics(line: string): readonly EmbeddedMetric[] {
  const entry = parse(line);
  if (entry === undefined) return [];
  return entry._aws.CloudWatchMetrics.flatMap(({ Namespace, Dimensions, Metrics }) =>
    Metrics.flatMap(({ Name, Unit }) =>
      Dimensions.map((names) => ({
        metric: {
          namespace: Namespace,
          name: Name,
          dimensions: Object.fromEntries(names.map((name) => [name, String(entry[name])])),
        },
        unit: Unit,
        values: [entry[Name]].flat().map(Number),
      })),
    ),
  );
}

function parse(line: string): Line | undefined {
  if (!line.includes('"_aws"')) return undefined;
  try {
    const entry = JSON.parse(line) as Line;
    return Array.isArray(entry._aws?.CloudWatchMetrics) ? entry : undefined;
  } catch {
    return undefined;
  }
}
