/** One value of a metric, as a line of a log in the embedded metric format has it. */
export interface EmbeddedMetric {
  readonly namespace: string;
  readonly metric: string;
  readonly unit: string;
  readonly value: number;
  readonly dimensions: Readonly<Record<string, string>>;
  /** The dimensions, and what the line says besides. */
  readonly labels: Readonly<Record<string, string>>;
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

/** What CloudWatch takes from a line of a log, once for each set of dimensions; nothing from a line of another format. */
export function embeddedMetrics(text: string): readonly EmbeddedMetric[] {
  const line = parse(text);
  if (line === undefined) return [];
  const labels = Object.fromEntries(
    Object.entries(line).filter((member): member is [string, string] => typeof member[1] === 'string'),
  );
  return line._aws.CloudWatchMetrics.flatMap(({ Namespace, Dimensions, Metrics }) =>
    Metrics.flatMap(({ Name, Unit }) =>
      Dimensions.flatMap((names) => {
        const dimensions = Object.fromEntries(names.map((name) => [name, labels[name] ?? '']));
        const metric = { namespace: Namespace, metric: Name, unit: Unit, dimensions, labels };
        return [line[Name]].flat().map((value) => ({ ...metric, value: Number(value) }));
      }),
    ),
  );
}

function parse(text: string): Line | undefined {
  if (!text.includes('"_aws"')) return undefined;
  try {
    const line = JSON.parse(text) as Line;
    return Array.isArray(line._aws?.CloudWatchMetrics) ? line : undefined;
  } catch {
    return undefined;
  }
}
