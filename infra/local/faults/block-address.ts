import { setTimeout as sleep } from 'node:timers/promises';

import { type Fault, isAccepted, nextEvent } from './fault.ts';

/** The WAF refuses everything, as if others had called from the address too. Recovered: the API answers again. */
export const blockAddress: Fault = {
  name: 'address-blocked',
  label: 'Let the WAF block the address',
  effect: 'One 403, and all instances rest until the block must be over; jobs wait in the queue.',
  async inject(context, { begun, over }) {
    const { deployment, profile, signal } = context;
    const durationMs = profile.token.tickMs;
    begun('the WAF refuses every call of the address');
    const refused = nextEvent(context, (event) => event.kind === 'call' && event.refused);
    deployment.cloud.block(durationMs);
    await Promise.all([refused, sleep(durationMs, undefined, { signal })]);
    over();
    await nextEvent(context, isAccepted);
  },
};
