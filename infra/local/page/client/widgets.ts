import type { GraphView, View, WidgetView } from '../view.ts';
import { element, setText } from './dom.ts';
import { createFigure } from './figure.ts';
import { formatTime } from './format.ts';
import { type Part, section } from './section.ts';
import { timeRangeOf } from './time-range.ts';
import { wideTable } from './wide-table.ts';

/** The widgets of the stack's dashboard, as CloudWatch will show them; its alarms stand above already. */
export function createWidgets(): Part {
  const grid = element('div', { class: 'grid' });
  const scale = element('p', { class: 'terms' });
  const root = section('The dashboard', 'dashboard', scale, grid);
  let parts: readonly WidgetPart[] | undefined;

  return {
    root,
    update(view) {
      if (parts === undefined) {
        parts = view.widgets.map(createPart);
        grid.append(...parts.map((part) => part.root));
        setText(
          scale,
          `As CloudWatch will show it. One minute of CloudWatch passes in ${formatTime(view.run.cloudWatchMinuteMs)} of this run. Times in charts and tables are CloudWatch's; the axis below the charts is the time of this run.`,
        );
      }
      for (const [index, part] of parts.entries()) part.update(view.widgets[index] as WidgetView, view);
    },
  };
}

interface WidgetPart {
  readonly root: HTMLElement;
  update(widget: WidgetView, view: View): void;
}

function createPart(widget: WidgetView): WidgetPart {
  if (widget.kind === 'graph') return createGraph(widget);
  if (widget.kind === 'logs') return createTable(widget);
  const root = widget.kind === 'heading' ? element('h3', {}, widget.text) : element('div', { hidden: '' });
  return { root, update() {} };
}

function createGraph({ title }: GraphView): WidgetPart {
  const figure = createFigure(title, 150);
  return {
    root: figure.root,
    update(widget, view) {
      if (widget.kind === 'graph') figure.update({ ...widget, marks: view.marks, range: timeRangeOf(view) });
    },
  };
}

function createTable({ title, columns }: Extract<WidgetView, { kind: 'logs' }>): WidgetPart {
  const table = wideTable(title, columns);
  return {
    root: element('figure', {}, element('figcaption', {}, title), table.root),
    update(widget) {
      if (widget.kind === 'logs') table.fill(widget.rows);
    },
  };
}
