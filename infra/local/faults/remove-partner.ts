import { setTimeout as sleep } from 'node:timers/promises';

import { clientsOf, type Fault, nextEvent } from './fault.ts';

/** How long the partner is removed. */
const TICKS = 3;

/** A partner's secret is deleted and its client forgotten by order; then it is restored. Recovered: the client has a token. */
export const removePartner: Fault = {
  name: 'partner-removed',
  label: 'Remove a partner, then restore it',
  effect: 'Its token is deleted at once and its alarms end; once the secret is back, the next ticks mint.',
  async inject(context, { begun, over }) {
    const { deployment, profile, signal } = context;
    const client = clientsOf(profile).other;
    begun(`the secret of ${client} is deleted, and the client's token and records with it`);
    await deployment.secrets.remove(client);
    try {
      await deployment.operator.invoke(JSON.stringify({ forget: client, reason: 'the partner is removed' }));
      await sleep(TICKS * profile.token.tickMs, undefined, { signal });
    } finally {
      await deployment.secrets.restore(client);
    }
    over();
    await nextEvent(context, (event) => event.kind === 'token-issued' && event.client === client);
  },
};
