import type { AlarmView } from '../view.ts';
import { element, setText } from './dom.ts';
import { formatTime } from './format.ts';
import { keyedList } from './keyed-list.ts';
import { type Part, section } from './section.ts';

const STATES = { OK: 'OK', ALARM: 'ALARM', INSUFFICIENT_DATA: 'not enough data' };

/** One light per alarm. */
export function createAlarms(): Part {
  const list = element('ul', { class: 'lights' });
  const spoken = element('p', { class: 'unseen', role: 'status' });
  const root = section('Alarms', 'alarms', list, spoken);
  const updateLights = keyedList(list, 'append', ({ name }: AlarmView) => name, createLight);

  return {
    root,
    update({ alarms }) {
      updateLights(alarms);
      const raised = alarms.filter(({ state }) => state === 'ALARM').map(({ name }) => name);
      setText(spoken, raised.length === 0 ? 'No alarm is raised.' : `Raised: ${raised.join(', ')}.`);
    },
  };
}

function createLight({ name, description }: AlarmView) {
  const state = element('span', { class: 'state' });
  const times = element('span', { class: 'times' });
  const root = element(
    'li',
    {},
    element(
      'details',
      {},
      element('summary', {}, element('b', {}, name), state, times),
      element('p', {}, description),
    ),
  );
  return {
    root,
    update(alarm: AlarmView): void {
      root.dataset.state = alarm.state;
      setText(state, STATES[alarm.state]);
      setText(times, timesOf(alarm));
    },
  };
}

/** Since when it is raised, or when it was raised last. */
function timesOf({ raised }: AlarmView): string {
  const last = raised.at(-1);
  if (last === undefined) return '';
  const from = formatTime(last.fromMs);
  return last.toMs === undefined ? `since ${from}` : `${from} to ${formatTime(last.toMs)}`;
}
