import type { View } from '../view.ts';
import { element, setText } from './dom.ts';
import { formatSpan, formatTime } from './format.ts';
import { type Part, section } from './section.ts';

/** The figures of the run, and how it ended. */
export function createSummary(): Part {
  const status = element('p', { class: 'status', role: 'status' });
  const terms = element('p', { class: 'terms' });
  const figures = element('dl');
  const root = section('The run', 'run', status, terms, figures);
  let shown = '';

  return {
    root,
    update(view) {
      const { nowMs, figures: rows, result } = view;
      const failures = result?.failures ?? [];
      root.dataset.result = result === undefined ? 'open' : failures.length === 0 ? 'good' : 'failed';
      setText(status, result === undefined ? underWay(view) : endOf(nowMs, failures));
      setText(terms, termsOf(view));
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

/** The run's clock, and why nothing is to be seen at first. */
function underWay({ nowMs, isSilent, run: { durationMs, firstSilenceMs } }: View): string {
  const leftMs = durationMs - nowMs;
  const clock =
    leftMs > 0
      ? `${formatTime(nowMs)} since the start; work comes in for another ${formatTime(leftMs)}.`
      : `${formatTime(nowMs)} since the start; no more work comes in. The run ends when all of it is done.`;
  return isSilent
    ? `${clock} A new call counter gives its first ticket ${formatSpan(firstSilenceMs)} ahead, past every ticket that could be in use. Until then no call is made.`
    : clock;
}

function termsOf({ run: { profile, cloudWatchMinuteMs }, window: { limit, windowMs } }: View): string {
  return `Profile: ${profile}. The WAF allows ${limit} calls in ${formatTime(windowMs)}. A minute of CloudWatch passes in ${formatTime(cloudWatchMinuteMs)}.`;
}
