import { setTimeout as sleep } from 'node:timers/promises';

import type { Fact } from '../run/facts.ts';
import { type Fault, type FaultContext, nextFact } from './fault.ts';

type BatchFailed = Extract<Fact, { kind: 'batch-failed' }>;
type InvocationStarted = Extract<Fact, { kind: 'invocation-started' }>;

/** A worker's host dies. Recovered: every job of the batch that it was working on has its result. */
export const killInstance: Fault = {
  name: 'instance-killed',
  label: 'Kill a working instance',
  isMoment: true,
  effect: 'Its jobs come back when their visibility time-out is over, and another instance does them.',
  async inject(context, { begun }) {
    const { world, isDone } = context;
    const failed = nextFact(
      context,
      (fact): fact is BatchFailed => fact.kind === 'batch-failed' && fact.error === 'Runtime.ExitError',
    );
    const [{ jobs }] = await Promise.all([failed, killBusyInstance(context)]);
    begun(`an instance of ${world.worker.name} dies with ${jobs.length} jobs in hand`);
    while (!jobs.every(isDone)) await nextFact(context, ({ kind }) => kind === 'job-done');
  },
};

async function killBusyInstance(context: FaultContext): Promise<void> {
  const { name, pool } = context.world.worker;
  for (;;) {
    const { instance } = await nextFact(
      context,
      (fact): fact is InvocationStarted => fact.kind === 'invocation-started' && fact.name === name,
    );
    // Long enough to have begun, and not yet done.
    await sleep(50, undefined, { signal: context.signal });
    if (pool.busy().includes(instance) && (await pool.kill(instance))) return;
  }
}
