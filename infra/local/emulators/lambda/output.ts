import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { FunctionEvent } from '../../run/events.ts';
import { embeddedMetrics } from '../cloudwatch/embedded-metrics.ts';

/** Turns what an instance writes into events: one per line, and one per metric of a line in the embedded metric format. */
export function captureOutput(
  output: Readable,
  source: { readonly name: string; readonly instance: string },
  record: (event: FunctionEvent) => void,
): void {
  createInterface({ input: output }).on('line', (line) => {
    record({ kind: 'log', ...source, line });
    for (const metric of embeddedMetrics(line)) record({ kind: 'metric', ...metric });
  });
}
