import { METRIC_NAMESPACE, METRICS, type MetricName } from '../contract.ts';

type Labels = Readonly<Record<string, string>>;

interface Gathered {
  readonly name: MetricName;
  readonly labels: Labels;
  readonly values: number[];
}

/** Metrics that share a line. */
type Group = [Gathered, ...Gathered[]];

/** Gathers metrics, and makes lines of a log from them, from which CloudWatch takes them. */
export interface EmbeddedMetrics {
  add(name: MetricName, value: number, labels: Labels): void;
  /** One line for what shares its labels; what was gathered is gone then. */
  take(nowMs: number): string[];
}

/** As many values of a metric as CloudWatch takes from one line. */
const MAX_VALUES = 100;

/** @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html */
export function createEmbeddedMetrics(service: string): EmbeddedMetrics {
  const gathered = new Map<string, Gathered>();

  return {
    add(name, value, labels) {
      let key: string = name;
      for (const label of Object.values(labels)) key += ` ${label}`;
      const metric = gathered.get(key);
      if (metric === undefined) gathered.set(key, { name, labels, values: [value] });
      else metric.values.push(value);
    },
    take(nowMs) {
      const groups = new Map<string, Group>();
      for (const metric of gathered.values()) {
        const group = groups.get(groupOf(metric));
        if (group === undefined) groups.set(groupOf(metric), [metric]);
        else group.push(metric);
      }
      gathered.clear();
      return [...groups.values()].flatMap((group) => linesOf(service, group, nowMs));
    },
  };
}

/** What has the same labels, and the same ones of them as dimensions: the others stand beside them. */
function groupOf({ name, labels }: Gathered): string {
  return JSON.stringify([METRICS[name].dimensions, labels]);
}

function linesOf(service: string, group: Group, nowMs: number): string[] {
  const [first] = group;
  const longest = Math.max(...group.map(({ values }) => values.length));
  return Array.from({ length: Math.ceil(longest / MAX_VALUES) }, (_, index) => {
    const part = group
      .map(({ name, values }) => [name, values.slice(index * MAX_VALUES, (index + 1) * MAX_VALUES)] as const)
      .filter(([, values]) => values.length > 0);
    const Metrics = part.map(([name]) => ({ Name: name, Unit: METRICS[name].unit }));
    const Dimensions = [['service', ...METRICS[first.name].dimensions]];
    return JSON.stringify({
      _aws: {
        Timestamp: nowMs,
        CloudWatchMetrics: [{ Namespace: METRIC_NAMESPACE, Dimensions, Metrics }],
      },
      service,
      ...first.labels,
      ...Object.fromEntries(part.map(([name, values]) => [name, values.length === 1 ? values[0] : values])),
    });
  });
}
