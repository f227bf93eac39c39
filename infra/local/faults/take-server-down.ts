import { setTimeout as sleep } from 'node:timers/promises';

import { type Fault, nextFact } from './fault.ts';

/** About as long as a token that is due for renewal is good for: alarms warn, and calls wait for a moment at most. */
const TICKS = 2;

/** It answers 503 until it has refused a renewal and some more ticks have passed. Recovered: it has issued a token again. */
export const takeServerDown: Fault = {
  name: 'authorization-server-down',
  label: 'Take the authorization server down',
  effect: 'Renewals fail; the tokens that are there are served on to their end.',
  async inject(context, { begun, over }) {
    const { world, profile, signal } = context;
    begun('the authorization server answers 503 past a renewal');
    world.cloud.setOutage('unavailable');
    try {
      await nextFact(
        context,
        (fact) => fact.kind === 'answer' && fact.endpoint === 'token' && fact.status === 503,
      );
      await sleep(TICKS * profile.token.tickMs, undefined, { signal });
    } finally {
      world.cloud.setOutage(undefined);
    }
    over();
    await nextFact(context, ({ kind }) => kind === 'token-issued');
  },
};
