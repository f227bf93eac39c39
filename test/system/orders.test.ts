import { beforeEach, describe, expect, test } from 'vitest';

import { type BudgetSettings, DEFAULT_BUDGET_SETTINGS } from '../../lib/budget/settings.ts';
import { boundOf } from '../../lib/budget/tickets.ts';
import { startVirtualSystem, type VirtualSystem } from '../fixtures/virtual-time/system.ts';
import { rollingWindow } from '../simulation/rolling-window.ts';

/** An operator's orders under load: the whole broker on virtual time, with as many jobs as it may make calls. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;

/** A tenth of the vendor's rate: the same with fewer calls. */
const BUDGET: BudgetSettings = {
  ...DEFAULT_BUDGET_SETTINGS,
  worker: { ...DEFAULT_BUDGET_SETTINGS.worker, intervalMs: 1_700 },
};
const PER_MINUTE = MINUTE / BUDGET.worker.intervalMs;
const BODY = JSON.stringify({ method: 'GET', path: '/v1/locations' });
/** Within which an order is obeyed. */
const OBEYED_MS = 10 * SECOND;

let system: VirtualSystem;
let startedMs: number;
/** The moments of the API's answers and of the WAF's refusals, since the start. */
let answers: number[];
let refusals: number[];
let jobs: { sent: number; done: number };

beforeEach(async () => {
  answers = [];
  refusals = [];
  jobs = { sent: 0, done: 0 };
  system = await startVirtualSystem({
    budget: BUDGET,
    clients: [{ name: 'mocha', lifetimeSeconds: 1800 }],
    workers: 6,
  });
  startedMs = system.time.now();
  system.events.subscribe((event) => {
    const atMs = event.atMs - startedMs;
    if (event.kind === 'answer' && event.endpoint === 'api') answers.push(atMs);
    if (event.kind === 'call' && event.refused) refusals.push(atMs);
    if (event.kind === 'metric' && event.metric === 'JobDone') jobs.done += event.value;
  });
  return () => system.stop();
});

const elapsed = (): number => system.time.now() - startedMs;
const play = (ms: number): Promise<void> => system.time.run(system.time.now() + ms);
const countBetween = (moments: readonly number[], fromMs: number, untilMs: number): number =>
  moments.filter((atMs) => atMs > fromMs && atMs <= untilMs).length;

/** Calls a minute, in the two minutes that begin a minute after `fromMs`. */
const rateAMinuteAfter = (fromMs: number): number =>
  countBetween(answers, fromMs + MINUTE, fromMs + 3 * MINUTE) / 2;

/** Two minutes hold seventy calls, and when each comes back to the queue is chance: a share of a tenth is not to be told from it. */
const BACK = 0.8;

/** Jobs that come one by one, as many as the budget has calls. */
function submit(minutes: number): void {
  const count = Math.round(PER_MINUTE * minutes);
  for (let job = 0; job < count; job += 1)
    system.time.at(system.time.now() + (job * minutes * MINUTE) / count, () => {
      jobs.sent += 1;
      system.jobs.send({ body: BODY });
    });
}

/** Until all jobs that were sent are done, or could have been for long. */
async function workOff(): Promise<void> {
  for (let minute = 0; minute < 60 && jobs.done < jobs.sent; minute += 1) await play(MINUTE);
  expect({ ...jobs, dead: system.deadJobs }).toEqual({ sent: jobs.sent, done: jobs.sent, dead: 0 });
}

test('a pause under load stops calls within ten seconds, loses no job, and the rate is back a minute after the resume', async () => {
  submit(8);
  await play(2 * MINUTE);
  await system.operate({ pause: BUDGET.name, minutes: 30, reason: 'maintenance' });
  const pausedMs = elapsed();
  await play(2 * MINUTE);
  await system.operate({ resume: BUDGET.name });
  const resumedMs = elapsed();
  await play(3 * MINUTE);

  expect(countBetween(answers, pausedMs - MINUTE, pausedMs)).toBeGreaterThan(0);
  expect(countBetween(answers, pausedMs + OBEYED_MS, resumedMs)).toBe(0);
  expect(rateAMinuteAfter(resumedMs)).toBeGreaterThan(BACK * PER_MINUTE);
  await workOff();
});

test('a slow under load keeps to its share of the bound in any minute once what was reserved before has ended', async () => {
  const share = 0.25;
  submit(8);
  await play(MINUTE);
  await system.operate({ slow: BUDGET.name, share, minutes: 60, reason: 'incident' });
  const { horizonMs, ticketLifeMs } = BUDGET.worker;
  // The minter may reserve ten seconds further ahead.
  const fromMs = elapsed() + OBEYED_MS + horizonMs + 10 * SECOND + ticketLifeMs;
  await play(5 * MINUTE);
  await system.operate({ resume: BUDGET.name });
  const resumedMs = elapsed();
  await play(3 * MINUTE);

  const slowed = answers.filter((atMs) => atMs > fromMs && atMs <= resumedMs);
  const intervalMs = BUDGET.worker.intervalMs / share;
  const bound = boundOf({ ...BUDGET.worker, intervalMs }, { ...BUDGET, windowMs: MINUTE });
  expect(rollingWindow(slowed, MINUTE, bound).largest).toBeLessThanOrEqual(bound);
  // It is a share of the rate, not a pause.
  expect((slowed.length * intervalMs) / (resumedMs - fromMs)).toBeGreaterThan(0.8);
  expect(rateAMinuteAfter(resumedMs)).toBeGreaterThan(BACK * PER_MINUTE);
  await workOff();
});

test('a lift under load lets the next call try within ten seconds, and the rate is back within a minute', async () => {
  submit(9);
  await play(2 * MINUTE);
  system.cloud.block(20 * MINUTE);
  await play(2.5 * MINUTE);
  // The rests are 45 s long by now. At the beginning of one the block ends.
  const refused = refusals.length;
  while (refusals.length === refused) await play(SECOND);
  system.cloud.block(0);
  const releasedMs = elapsed();
  await system.operate({ lift: BUDGET.name });
  await play(3 * MINUTE);

  expect(answers.find((atMs) => atMs > releasedMs)).toBeLessThanOrEqual(releasedMs + OBEYED_MS);
  expect(rateAMinuteAfter(releasedMs)).toBeGreaterThan(BACK * PER_MINUTE);
  await workOff();
});

describe('a job of five days that is replayed', () => {
  const failed = { jobId: 'old', failures: 4, submittedAtMs: 0 };
  test.each([
    ['by SQS, with all that it was', { ...failed, code: 'job_failed' }],
    ['by the command, which takes along its id alone', { jobId: 'old' }],
  ])(
    '%s, while the WAF blocks the address and calls are paused, is done afterwards',
    async (_, attributes) => {
      system.jobs.send({ body: BODY });
      await play(3 * MINUTE);
      expect(jobs.done).toBe(1);
      system.cloud.block(10 * MINUTE);
      await system.operate({ pause: BUDGET.name, minutes: 5, reason: 'repair' });
      const submittedAtMs = startedMs - 5 * DAY;
      system.jobs.send({
        body: BODY,
        attributes: { ...attributes, ...('code' in attributes && { submittedAtMs }) },
      });
      await play(30 * MINUTE);
      expect({ done: jobs.done, dead: system.deadJobs }).toEqual({ done: 2, dead: 0 });
    },
  );
});
