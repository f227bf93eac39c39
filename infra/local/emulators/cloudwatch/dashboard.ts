import type { MetricId } from './metric-store.ts';
import type { MetricQuery, Query } from './query.ts';
import { type CloudFormationTemplate, textOf } from './template.ts';

/** A widget of the dashboard, as far as it can be drawn here. */
export type Widget =
  | { readonly kind: 'heading'; readonly text: string }
  | { readonly kind: 'alarms'; readonly title: string }
  | {
      readonly kind: 'graph';
      readonly title: string;
      readonly lines: readonly Line[];
      readonly marks: readonly { readonly value: number; readonly label: string }[];
    }
  | { readonly kind: 'logs'; readonly title: string; readonly query: string };

export interface Line {
  readonly label: string;
  readonly query: Query;
}

interface RawWidget {
  readonly type: string;
  readonly properties: {
    readonly title?: string;
    readonly markdown?: string;
    readonly query?: string;
    readonly period?: number;
    readonly metrics?: readonly (readonly unknown[])[];
    readonly annotations?: {
      readonly horizontal?: readonly { readonly value: number; readonly label?: string }[];
    };
  };
}

interface LineOptions {
  readonly id?: string;
  readonly expression?: string;
  readonly label?: string;
  readonly stat?: string;
  readonly period?: number;
  readonly visible?: boolean;
}

/** What CloudWatch takes where a line names no period. */
const DEFAULT_PERIOD_SECONDS = 300;

/**
 * The widgets of the template's one dashboard, from top to bottom: its JSON is their only definition.
 *
 * @throws {Error} a widget is of a kind that the stack does not use
 */
export function widgetsOf({ Resources }: CloudFormationTemplate): readonly Widget[] {
  const dashboard = Object.values(Resources).find(({ Type }) => Type === 'AWS::CloudWatch::Dashboard');
  if (dashboard === undefined) return [];
  const body = JSON.parse(textOf(dashboard.Properties.DashboardBody)) as {
    readonly widgets: readonly RawWidget[];
  };
  return body.widgets.map(widgetOf);
}

function widgetOf({ type, properties }: RawWidget): Widget {
  const { title = '', markdown = '', query = '', metrics = [], annotations } = properties;
  switch (type) {
    case 'text':
      return { kind: 'heading', text: markdown.replace(/^#+\s*/, '') };
    case 'alarm':
      return { kind: 'alarms', title };
    case 'log':
      return { kind: 'logs', title, query };
    case 'metric':
      return {
        kind: 'graph',
        title,
        lines: linesOf(metrics, properties.period),
        marks: (annotations?.horizontal ?? []).map(({ value, label = '' }) => ({ value, label })),
      };
    default:
      throw new Error(`the dashboard has a widget of the unknown type ${type}`);
  }
}

/** `[namespace, name, dimension, value, …, options]`, or `[options]` with an expression of the others' ids. */
function linesOf(
  metrics: readonly (readonly unknown[])[],
  widgetPeriod = DEFAULT_PERIOD_SECONDS,
): readonly Line[] {
  const rows = metrics.map((row) => {
    const last = row.at(-1);
    const options = (typeof last === 'object' ? last : {}) as LineOptions;
    return { row: row.filter((cell) => typeof cell === 'string'), options };
  });
  const queries = new Map<string, MetricQuery>();
  for (const { row, options } of rows) {
    if (options.id !== undefined && row.length > 0)
      queries.set(options.id, queryOf(row, options, widgetPeriod));
  }
  return rows
    .filter(({ options }) => options.visible !== false)
    .map(({ row, options }) => {
      const { expression, label } = options;
      if (expression === undefined)
        return { label: label ?? row[1] ?? '', query: queryOf(row, options, widgetPeriod) };
      const names = new Set(expression.match(/[A-Za-z]\w*/g));
      const used = Object.fromEntries([...queries].filter(([id]) => names.has(id)));
      const periodSeconds = options.period ?? widgetPeriod;
      return { label: label ?? expression, query: { expression, metrics: used, periodSeconds } };
    });
}

function queryOf(row: readonly string[], { stat, period }: LineOptions, widgetPeriod: number): MetricQuery {
  const [namespace = '', name = '', ...rest] = row;
  const dimensions: Record<string, string> = {};
  for (let index = 0; index + 1 < rest.length; index += 2)
    dimensions[rest[index] ?? ''] = rest[index + 1] ?? '';
  const metric: MetricId = { namespace, name, dimensions };
  return { metric, statistic: stat ?? 'Average', periodSeconds: period ?? widgetPeriod };
}
