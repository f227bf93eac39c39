import { setTimeout as sleep } from 'node:timers/promises';

import { type Fault, nextEvent } from './fault.ts';

/** Twice the usual work comes in for a window. Recovered: every job that came in meanwhile is done. */
export const doubleLoad: Fault = {
  name: 'load-doubled',
  label: 'Double the load',
  effect: 'Calls wait for their turn and the queue grows; the window never exceeds its limit.',
  async inject(context, { begun, over }) {
    const { load, isDone, openJobs, profile, signal } = context;
    begun('twice as many jobs come in');
    load.factor *= 2;
    try {
      await sleep(profile.budget.windowMs, undefined, { signal });
    } finally {
      load.factor /= 2;
    }
    over();
    const waiting = openJobs();
    while (!waiting.every(isDone)) await nextEvent(context, ({ kind }) => kind === 'job-done');
  },
};
