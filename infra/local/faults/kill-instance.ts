import { setTimeout as sleep } from 'node:timers/promises';

import type { RunEvent } from '../run/events.ts';
import { type Fault, type FaultContext, nextEvent } from './fault.ts';

type BatchFailed = Extract<RunEvent, { kind: 'batch-failed' }>;
type InvocationStarted = Extract<RunEvent, { kind: 'invocation-started' }>;

/** A worker's host dies. Recovered: every job of the batch that it was working on has its result. */
export const killInstance: Fault = {
  name: 'instance-killed',
  label: 'Kill a working instance',
  isMoment: true,
  effect: 'Its jobs become visible again after their visibility time-out, and another instance does them.',
  async inject(context, { begun }) {
    const { deployment, isDone } = context;
    const failed = nextEvent(
      context,
      (event): event is BatchFailed => event.kind === 'batch-failed' && event.error === 'Runtime.ExitError',
    );
    const [{ jobs }] = await Promise.all([failed, killBusyInstance(context)]);
    begun(`an instance of ${deployment.worker.name} dies with ${jobs.length} jobs in hand`);
    while (!jobs.every(isDone)) await nextEvent(context, ({ kind }) => kind === 'job-done');
  },
};

async function killBusyInstance(context: FaultContext): Promise<void> {
  const { name, pool } = context.deployment.worker;
  for (;;) {
    const { instance } = await nextEvent(
      context,
      (event): event is InvocationStarted => event.kind === 'invocation-started' && event.name === name,
    );
    // Long enough to have begun, and not yet done.
    await sleep(50, undefined, { signal: context.signal });
    if (pool.busy().includes(instance) && (await pool.kill(instance))) return;
  }
}
