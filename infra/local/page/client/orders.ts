import type { BudgetView } from '../view.ts';
import { element, setText } from './dom.ts';
import { formatSpan, formatTime } from './format.ts';
import { type Part, section } from './section.ts';

const BUTTONS = {
  pause: ['Pause', 'The workers make no calls for a window; minting goes on.'],
  slow: ['Slow down', 'The workers make a quarter of their calls for a window.'],
  resume: ['Resume', 'Ends a pause and a slow-down.'],
  lift: ['Lift a WAF block', 'The next call tries whether the WAF still blocks the address.'],
} as const;

/** What an operator can order of the budget, what is ordered, and what its circuit breakers say. */
export function createOrders(): Part {
  const buttons = element('ul', { class: 'buttons' });
  const given = element('p', { class: 'given', role: 'status' });
  const streams = element('ul', { class: 'streams' });
  for (const [verb, [label, effect]] of Object.entries(BUTTONS)) {
    const button = element(
      'button',
      { type: 'button', 'data-order': verb, 'aria-describedby': `effect-${verb}` },
      label,
    );
    button.addEventListener('click', () => void fetch(`/orders/${verb}`, { method: 'POST' }));
    buttons.append(element('li', {}, button, element('p', { id: `effect-${verb}` }, effect)));
  }
  const root = section('Orders to the call budget', 'orders', buttons, given, streams);

  return {
    root,
    update({ budget, result }) {
      buttons.hidden = result !== undefined;
      if (budget === undefined) return;
      setText(given, ordersOf(budget));
      const lines = budget.streams.map(lineOf);
      if (streams.textContent !== lines.join(''))
        streams.replaceChildren(...lines.map((line) => element('li', {}, line)));
    },
  };
}

function ordersOf({ orders }: BudgetView): string {
  if (orders.length === 0) return 'No order is in force.';
  return orders
    .map(({ what, untilMs, reason, by }) => `Until ${formatTime(untilMs)} ${what} (${reason}, by ${by}).`)
    .join(' ');
}

function lineOf({ stream, breaker, nextInMs }: BudgetView['streams'][number]): string {
  const state = breaker === 'absent' ? 'no call yet' : `circuit breaker ${breaker}`;
  if (nextInMs === null) return `${stream}: ${state}`;
  const line = nextInMs > 0 ? `its line is ${formatSpan(nextInMs)} long` : 'no call waits in its line';
  return `${stream}: ${state}, ${line}`;
}
