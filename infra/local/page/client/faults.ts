import type { FaultMark, FaultView } from '../view.ts';
import { element, setText } from './dom.ts';
import { formatSpan, formatTime } from './format.ts';
import { keyedList } from './keyed-list.ts';
import { type Part, section } from './section.ts';

/** One button per fault, and the outcome of the faults that were ordered. */
export function createFaults(): Part {
  const buttons = element('ul', { class: 'buttons' });
  const log = element('ol', { class: 'log', 'aria-live': 'polite' });
  const root = section('Faults', 'faults', buttons, log);
  const updateButtons = keyedList(buttons, 'append', ({ name }: FaultView) => name, createButton);
  const updateLog = keyedList(
    log,
    'prepend',
    ({ fault, atMs }: FaultMark) => `${fault} ${atMs}`,
    createEntry,
  );

  return {
    root,
    update({ faults, marks, result }) {
      buttons.hidden = result !== undefined;
      updateButtons(faults);
      updateLog(marks);
    },
  };
}

function createEntry({ fault }: FaultMark) {
  const root = element('li', { 'data-fault': fault });
  return {
    root,
    update(mark: FaultMark): void {
      root.dataset.recovered = String(mark.recoveredMs !== undefined);
      setText(root, `${formatTime(mark.atMs)}: ${mark.detail}: ${outcomeOf(mark)}`);
    },
  };
}

function outcomeOf({ overMs, recoveredAfterMs }: FaultMark): string {
  if (recoveredAfterMs !== undefined) return `recovered after ${formatSpan(recoveredAfterMs)}`;
  return overMs === undefined ? 'under way' : 'recovering';
}

function createButton({ name, label, effect }: FaultView) {
  const button = element(
    'button',
    { type: 'button', 'data-fault': name, 'aria-describedby': `effect-${name}` },
    label,
  );
  button.addEventListener('click', () => {
    if (button.getAttribute('aria-disabled') === 'true') return;
    button.setAttribute('aria-disabled', 'true');
    void fetch(`/faults/${name}`, { method: 'POST' });
  });
  return {
    root: element('li', {}, button, element('p', { id: `effect-${name}` }, effect)),
    update({ isAvailable }: FaultView): void {
      // Not `disabled`: the button would lose the focus.
      button.setAttribute('aria-disabled', String(!isAvailable));
    },
  };
}
