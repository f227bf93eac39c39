import { METRICS } from '../../../lib/contract.ts';
import { type Widget, widgetsOf } from '../emulators/cloudwatch/dashboard.ts';
import { createLogTable, parseLogQuery } from '../emulators/cloudwatch/log-query.ts';
import type { MetricStore } from '../emulators/cloudwatch/metric-store.ts';
import type { CloudFormationTemplate } from '../emulators/cloudwatch/template.ts';
import { createGraphRecord } from './graph-record.ts';
import type { WidgetView } from './view.ts';

/** The widgets of the template's dashboard, with what they have to show. */
export function createWidgetRecords(
  template: CloudFormationTemplate,
  store: MetricStore,
  scale: { readonly startedAtMs: number; readonly secondMs: number },
): { addLine(line: string): void; views(nowMs: number): readonly WidgetView[] } {
  const tables: ReturnType<typeof createLogTable>[] = [];

  function recordOf(widget: Widget): (nowMs: number) => WidgetView {
    if (widget.kind === 'graph') return createGraphRecord(widget, store, scale);
    if (widget.kind !== 'logs') return () => widget;
    // Times as the graphs have them, and as CloudWatch would.
    const scaleOf = (field: string): number => (isTime(field) ? 1000 / scale.secondMs : 1);
    const table = createLogTable(parseLogQuery(widget.query), scaleOf);
    tables.push(table);
    return () => ({ kind: 'logs', title: widget.title, ...table.table() });
  }

  const records = widgetsOf(template).map(recordOf);
  return {
    addLine(line) {
      for (const table of tables) table.add(line);
    },
    views: (nowMs) => records.map((view) => view(nowMs)),
  };
}

function isTime(name: string): boolean {
  const metric = Object.entries(METRICS).find(([metricName]) => metricName === name)?.[1];
  return metric !== undefined && metric.unit !== 'Count';
}
