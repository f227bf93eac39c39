import { setTimeout as sleep } from 'node:timers/promises';

import { type Fault, isAccepted, nextEvent } from './fault.ts';

/** The WAF refuses every call for a window, as if others had called from the address too. Recovered: the API answers again. */
export const blockAddress: Fault = {
  name: 'address-blocked',
  label: 'Let the WAF block the address',
  effect: 'A few calls are refused, then no instance makes calls; single probes find the end of the block.',
  async inject(context, { begun, over }) {
    const { deployment, profile, signal } = context;
    const durationMs = profile.budget.windowMs;
    begun('the WAF refuses every call of the address');
    const refused = nextEvent(context, (event) => event.kind === 'call' && event.refused);
    deployment.cloud.block(durationMs);
    await Promise.all([refused, sleep(durationMs, undefined, { signal })]);
    over();
    await nextEvent(context, isAccepted);
  },
};
