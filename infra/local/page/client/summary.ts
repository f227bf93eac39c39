import { element, setText } from './dom.ts';
import { formatTime } from './format.ts';
import { type Part, section } from './section.ts';

/** The figures of the run, and how it ended. */
export function createSummary(): Part {
  const status = element('p', { class: 'status', role: 'status' });
  const figures = element('dl');
  const root = section('The run', 'run', status, figures);
  let shown = '';

  return {
    root,
    update({ nowMs, figures: rows, result }) {
      const failures = result?.failures ?? [];
      root.dataset.result = result === undefined ? 'open' : failures.length === 0 ? 'good' : 'failed';
      setText(status, result === undefined ? 'Under way.' : endOf(nowMs, failures));
      const text = JSON.stringify(rows);
      if (text === shown) return;
      shown = text;
      figures.replaceChildren(
        ...rows.map(([name, value]) => element('div', {}, element('dt', {}, name), element('dd', {}, value))),
      );
    },
  };
}

function endOf(nowMs: number, failures: readonly string[]): string {
  return `Over after ${formatTime(nowMs)}: ${failures.length === 0 ? 'good' : `failed: ${failures.join('; ')}`}.`;
}
