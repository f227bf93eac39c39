import { element, setText } from './dom.ts';
import { formatValue } from './format.ts';
import { createPlot, lineStyle, type PlotData } from './plot.ts';

/** A picture with its title, and in words what its lines have come to. */
export function createFigure(title: string, height: number, above: readonly Node[] = []) {
  const plot = createPlot(height);
  const legend = element('ul', { class: 'legend' });
  const words = element('p', { class: 'unseen' });
  // A screen reader cannot read the picture: the legend has the values.
  plot.root.setAttribute('aria-hidden', 'true');
  const root = element('figure', {}, element('figcaption', {}, title), ...above, plot.root, legend, words);

  return {
    root,
    update(data: PlotData): void {
      plot.update(data);
      const known = data.lines
        .map(({ label, values }, index) => ({
          label,
          value: values.findLast(isNumber),
          style: lineStyle(index),
        }))
        .filter(({ value }) => value !== undefined);
      legend.replaceChildren(
        ...known.map(({ label, value, style }) =>
          element(
            'li',
            { class: style.dash.length > 0 ? `${style.colour} dashed` : style.colour },
            `${label} `,
            element('b', {}, formatValue(value as number)),
          ),
        ),
      );
      const levels = data.levels.map(({ value, label }) => `${label}: ${formatValue(value)}`).join(', ');
      setText(words, known.length === 0 ? 'No data.' : levels);
      words.classList.toggle('unseen', known.length > 0);
    },
  };
}

function isNumber(value: number | null | undefined): value is number {
  return typeof value === 'number';
}
