import type { PartnerView } from '../view.ts';
import { element } from './dom.ts';
import { formatTime } from './format.ts';
import { type Part, section } from './section.ts';

const COLUMNS: Readonly<Record<string, (partner: PartnerView) => string>> = {
  client: ({ client }) => client,
  token: ({ state, leftSeconds }) =>
    leftSeconds === null || leftSeconds <= 0 ? state : `${state}, ${leftSeconds} s left`,
  minted: ({ mintedMs }) => (mintedMs === null ? '' : `at ${formatTime(mintedMs)}`),
  'the minter’s next step': ({ next, nextMs }) =>
    next === null ? '' : `${next}${nextMs === null ? '' : ` at ${formatTime(nextMs)}`}`,
  'last failure': ({ error, failures }) => (error === null ? '' : `${error}, ${failures} in a row`),
  secret: ({ secret, credentials }) => [secret, credentials].filter((word) => word !== null).join(', '),
  'forced mints': ({ forcedMints }) => String(forcedMints),
};

/** What the inspector tells of each client, in the run's time. */
export function createPartners(): Part {
  const body = element('tbody');
  const heads = Object.keys(COLUMNS).map((column) => element('th', { scope: 'col' }, column));
  const table = element('table', {}, element('thead', {}, element('tr', {}, ...heads)), body);
  const root = section(
    'Partners',
    'partners',
    element(
      'div',
      { class: 'wide', tabindex: '0', role: 'region', 'aria-label': 'Table of partners' },
      table,
    ),
  );
  let shown = '';

  return {
    root,
    update({ partners }) {
      const text = JSON.stringify(partners);
      if (text === shown) return;
      shown = text;
      body.replaceChildren(
        ...partners.map((partner) =>
          element('tr', {}, ...Object.values(COLUMNS).map((cellOf) => element('td', {}, cellOf(partner)))),
        ),
      );
    },
  };
}
