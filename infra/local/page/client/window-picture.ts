import uPlot from 'uplot';

import type { View } from '../view.ts';
import { element } from './dom.ts';
import { createFaultStrips } from './fault-strips.ts';
import { createFigure } from './figure.ts';
import { formatTime } from './format.ts';
import { type Part, section } from './section.ts';
import { timeRangeOf } from './time-range.ts';
import { createTokenBars } from './token-bars.ts';

/** In CSS pixels. */
const HEIGHT = 300;

/** What CloudWatch cannot draw: the WAF's own count; above it labelled faults and the lives of the tokens. */
export function createWindowPicture(): Part {
  const strips = createFaultStrips();
  const tokens = createTokenBars();
  const key = element(
    'p',
    { class: 'key' },
    element('span', { class: 'used' }, 'accepted by the API'),
    element('span', { class: 'servable' }, 'may be served'),
    element('span', { class: 'life' }, 'to expiry'),
    element('span', { class: 'rejected' }, 'revoked or rejected'),
    element('span', { class: 'fault' }, 'a fault'),
    element('span', { class: 'recovering' }, 'recovery'),
  );
  const figure = createFigure(
    'Calls and token requests in the window that ends now, by source address',
    HEIGHT,
    [...tokens.nodes, strips.node],
  );
  const root = section('Tokens and the call budget', 'window', key, figure.root);

  return {
    root,
    update(view) {
      const range = timeRangeOf(view);
      strips.update(view, range);
      tokens.update(view.tokens, range);
      figure.update({ ...linesOf(view), levels: levelsOf(view), marks: [], range });
    },
  };
}

/** Each address has calls at moments of its own. */
function linesOf({ window: { addresses } }: View) {
  // Before the first call there is none, which uPlot could not join.
  if (addresses.length === 0) return { atMs: [], lines: [] };
  const tables = addresses.map(({ atMs, calls }) => [[...atMs], [...calls]] as uPlot.AlignedData);
  const [atMs = [], ...values] = uPlot.join(tables) as (readonly (number | null)[])[];
  return {
    atMs: atMs as readonly number[],
    lines: addresses.map(({ address }, index) => ({ label: address, values: values[index] ?? [] })),
  };
}

function levelsOf({ window: { limit, windowMs } }: View) {
  return [{ value: limit, label: `limit: ${limit} in ${formatTime(windowMs)}` }];
}
