import type { PartnerView } from '../view.ts';
import { formatTime } from './format.ts';
import { type Part, section } from './section.ts';
import { wideTable } from './wide-table.ts';

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
  const table = wideTable('Table of partners', Object.keys(COLUMNS));
  const root = section('Partners', 'partners', table.root);
  let shown = '';

  return {
    root,
    update({ partners }) {
      const text = JSON.stringify(partners);
      if (text === shown) return;
      shown = text;
      table.fill(partners.map((partner) => Object.values(COLUMNS).map((cellOf) => cellOf(partner))));
    },
  };
}
