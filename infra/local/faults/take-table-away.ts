import { setTimeout as sleep } from 'node:timers/promises';

import { type Fault, nextEvent } from './fault.ts';

const TICKS = 6;

/** No request reaches the table for some ticks. Recovered: a tick is complete and a job is done. */
export const takeTableAway: Fault = {
  name: 'table-away',
  label: 'Make the table unavailable',
  effect:
    'No tick completes and no call gets a ticket; jobs go back to the queue and are done once the table is back.',
  async inject(context, { begun, over }) {
    const { deployment, profile, signal } = context;
    begun('DynamoDB cannot be reached');
    deployment.table.setAway(true);
    try {
      await sleep(TICKS * profile.token.tickMs, undefined, { signal });
    } finally {
      deployment.table.setAway(false);
    }
    over();
    await Promise.all([
      nextEvent(context, (event) => event.kind === 'metric' && event.metric === 'ClientsFailing'),
      nextEvent(context, ({ kind }) => kind === 'job-done'),
    ]);
  },
};
