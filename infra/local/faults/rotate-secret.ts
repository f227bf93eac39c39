import { setTimeout as sleep } from 'node:timers/promises';

import { clientsOf, type Fault, nextEvent } from './fault.ts';

/** How long the server takes to accept what the portal already shows. */
const TICKS = 3;

/**
 * A new secret is stored, which the authorization server accepts only some ticks later, when it refuses the old one. Recovered:
 * the client has a token of the new one.
 */
export const rotateSecret: Fault = {
  name: 'secret-rotated',
  label: 'Rotate a secret, accepted late',
  effect:
    'The new secret is refused at first. The minter tries again soon; the token in service is served to its end.',
  async inject(context, { begun, over }) {
    const { deployment, profile, signal } = context;
    const client = clientsOf(profile).other;
    begun(`the secret of ${client} is rotated, and the server does not know the new one yet`);
    const clientSecret = await deployment.secrets.rotate(client);
    try {
      await sleep(TICKS * profile.token.tickMs, undefined, { signal });
    } finally {
      deployment.cloud.setSecret(client, clientSecret);
    }
    over();
    await nextEvent(context, (event) => event.kind === 'token-issued' && event.client === client);
  },
};
