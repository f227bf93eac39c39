import { setTimeout as sleep } from 'node:timers/promises';

import type { RunEvent } from '../run/events.ts';
import { clientsOf, type Fault, nextEvent } from './fault.ts';

/** A wrong secret is stored, and the right one after it was refused. Recovered: the client has a new token. */
export const breakSecret: Fault = {
  name: 'secret-broken',
  label: 'Break a secret',
  effect:
    'The authorization server refuses the client. The minter tries a few more times; the token in service is served to its end.',
  async inject(context, { begun, over }) {
    const { deployment, profile, signal } = context;
    const client = clientsOf(profile).other;
    begun(`the secret of ${client} is wrong`);
    await deployment.secrets.store(client, 'wrong');
    try {
      // Three in one tick are a suspicion, one more in the next tick raises the alarm.
      for (let refusals = 0; refusals < 4; refusals += 1) await nextEvent(context, isRefused);
      // The alarm looks at ticks that are complete.
      await sleep(2 * profile.token.tickMs, undefined, { signal });
    } finally {
      await deployment.secrets.store(client, 'right');
    }
    over();
    await nextEvent(context, (event) => event.kind === 'token-issued' && event.client === client);
  },
};

function isRefused(event: RunEvent): boolean {
  return event.kind === 'answer' && event.endpoint === 'token' && event.status === 401;
}
