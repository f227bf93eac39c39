import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

import type { FunctionHappening } from '../facts.ts';

/** Turns what an instance writes into facts: one per line, and one per metric of a line in the embedded metric format. */
export function captureOutput(
  output: Readable,
  source: { readonly name: string; readonly instance: string },
  record: (happening: FunctionHappening) => void,
): void {
  createInterface({ input: output }).on('line', (line) => {
    record({ kind: 'log', ...source, line });
    for (const metric of metricsOf(line)) record(metric);
  });
}

interface EmbeddedMetrics {
  readonly _aws: {
    readonly CloudWatchMetrics: readonly {
      readonly Metrics: readonly { readonly Name: string }[];
    }[];
  };
  readonly [member: string]: unknown;
}

function metricsOf(line: string): FunctionHappening[] {
  const entry = parseEmbedded(line);
  if (entry === undefined) return [];
  const labels = Object.fromEntries(
    Object.entries(entry).filter((member): member is [string, string] => typeof member[1] === 'string'),
  );
  return entry._aws.CloudWatchMetrics.flatMap(({ Metrics }) =>
    Metrics.flatMap(({ Name }) =>
      [entry[Name]].flat().map((value) => ({
        kind: 'metric' as const,
        metric: Name,
        value: Number(value),
        labels,
      })),
    ),
  );
}

function parseEmbedded(line: string): EmbeddedMetrics | undefined {
  if (!line.includes('"_aws"')) return undefined;
  try {
    const entry = JSON.parse(line) as EmbeddedMetrics;
    return Array.isArray(entry._aws?.CloudWatchMetrics) ? entry : undefined;
  } catch {
    return undefined;
  }
}
