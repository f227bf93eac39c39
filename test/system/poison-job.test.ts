import { afterEach, beforeEach, expect, test } from 'vitest';

import { DEFAULT_BUDGET_SETTINGS } from '../../lib/budget/settings.ts';
import { JOB_MAX_FAILURES } from '../../lib/contract.ts';
import { startVirtualSystem, type VirtualSystem } from '../fixtures/virtual-time/system.ts';

/** A job that the WAF refuses for what it holds, and innocent jobs whose address the WAF blocks: only the first ends among the dead. */

const MINUTE = 60_000;
const POISON = '/v1/poison';

let system: VirtualSystem;
let refusals: number;
let done: number;

beforeEach(async () => {
  const clients = [{ name: 'mocha', lifetimeSeconds: 3_600 }];
  system = await startVirtualSystem({ budget: DEFAULT_BUDGET_SETTINGS, clients, workers: 2 });
  refusals = 0;
  done = 0;
  system.faults.isPoison = (url) => {
    const isPoison = url.endsWith(POISON);
    if (isPoison) refusals += 1;
    return isPoison;
  };
  system.events.subscribe((event) => {
    if (event.kind === 'metric' && event.metric === 'JobDone') done += event.value;
  });
  await play(2);
});
afterEach(() => system.stop());

const play = (minutes: number) => system.time.run(system.time.now() + minutes * MINUTE);

function submit(path: string, afterMs = 0): void {
  const body = JSON.stringify({ method: 'GET', path });
  system.time.at(system.time.now() + afterMs, () => system.jobs.send({ body }));
}

function submitInnocent(perMinute: number, minutes: number): number {
  const jobs = perMinute * minutes;
  for (let job = 0; job < jobs; job += 1) submit('/v1/locations', (job * MINUTE) / perMinute);
  return jobs;
}

test('a poison job beside others is dead-lettered after five refusals that count, and all others are done', async () => {
  submit(POISON);
  const innocent = submitInnocent(6, 12);
  await play(14);
  expect(system.deadJobs).toBe(1);
  // The first refusal never counts: nobody knows yet which of the two it is.
  expect(refusals).toBe(1 + JOB_MAX_FAILURES);
  expect(done).toBe(innocent);
});

test('a poison job that is alone is not tried for ever', async () => {
  submit(POISON);
  await play(15);
  expect(system.deadJobs).toBe(0);
  await play(45);
  expect(system.deadJobs).toBe(1);
});

test('innocent jobs in a block of ten minutes are all done after it, and none is dead-lettered', async () => {
  const innocent = submitInnocent(3, 12);
  await play(1);
  system.cloud.block(10 * MINUTE);
  await play(25);
  expect(system.deadJobs).toBe(0);
  expect(done).toBe(innocent);
});
