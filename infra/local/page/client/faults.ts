import type { FaultMark, FaultView } from '../view.ts';
import { element, setText } from './dom.ts';
import { formatSpan, formatTime } from './format.ts';
import { type Part, section } from './section.ts';

/** A button a fault, and what became of those that were ordered. */
export function createFaults(): Part {
  const buttons = element('ul', { class: 'buttons' });
  const log = element('ol', { class: 'log', 'aria-live': 'polite' });
  const root = section('Faults', 'faults', buttons, log);
  const made = new Map<string, ReturnType<typeof createButton>>();
  const entries: HTMLElement[] = [];

  return {
    root,
    update({ faults, marks, result }) {
      buttons.hidden = result !== undefined;
      for (const fault of faults) {
        let button = made.get(fault.name);
        if (button === undefined) {
          button = createButton(fault);
          made.set(fault.name, button);
          buttons.append(button.root);
        }
        button.update(fault);
      }
      marks.forEach((mark, index) => {
        let entry = entries[index];
        if (entry === undefined) {
          entry = element('li', { 'data-fault': mark.fault });
          entries.push(entry);
          log.prepend(entry);
        }
        entry.dataset.recovered = String(mark.recoveredMs !== undefined);
        setText(entry, `${formatTime(mark.atMs)}: ${mark.detail}: ${outcomeOf(mark)}`);
      });
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
      // Not `disabled`: the button would lose the focus of who pressed it.
      button.setAttribute('aria-disabled', String(!isAvailable));
    },
  };
}
