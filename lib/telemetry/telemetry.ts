import type { METRICS, MetricName } from '../contract.ts';

type LabelsOf<Name extends MetricName> = {
  readonly [Key in (typeof METRICS)[Name]['dimensions' | 'properties'][number]]: string;
};

/** Where decisions report to. Values that could be secret are never passed in: names, codes, fingerprints, numbers are. */
export interface Telemetry {
  /** Adds `value` to a metric of `lib/contract.ts`, with exactly the dimensions and properties defined there. */
  metric<Name extends MetricName>(name: Name, value: number, labels: LabelsOf<Name>): void;
  log(
    level: 'debug' | 'info' | 'warn' | 'error',
    message: string,
    fields?: Readonly<Record<string, unknown>>,
  ): void;
}

/** Telemetry that keeps metrics until it is flushed, at the end of an invocation. */
export interface BufferedTelemetry extends Telemetry {
  flush(): void;
}
