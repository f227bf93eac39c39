import { setTimeout as sleep } from 'node:timers/promises';

import { type Fault, nextEvent } from './fault.ts';

/** About as long as a token that is due for renewal is good for: alarms warn, and calls wait for a moment at most. */
const TICKS = 2;

/** It answers 503 until it has refused a renewal and some more ticks have passed. Recovered: it has issued a token again. */
export const takeServerDown: Fault = {
  name: 'authorization-server-down',
  label: 'Take the authorization server down',
  effect: 'Renewals fail; the tokens in service are served to their end.',
  async inject(context, { begun, over }) {
    const { deployment, profile, signal } = context;
    begun('the authorization server answers 503 past a renewal');
    deployment.cloud.setOutage('unavailable');
    try {
      await nextEvent(
        context,
        (event) => event.kind === 'answer' && event.endpoint === 'token' && event.status === 503,
      );
      await sleep(TICKS * profile.token.tickMs, undefined, { signal });
    } finally {
      deployment.cloud.setOutage(undefined);
    }
    over();
    await nextEvent(context, ({ kind }) => kind === 'token-issued');
  },
};
