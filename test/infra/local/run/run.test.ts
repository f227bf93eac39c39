import { expect, test } from 'vitest';

import type { RunEvent } from '../../../../infra/local/run/events.ts';
import { SCALED_PROFILE } from '../../../../infra/local/run/profile.ts';
import { run } from '../../../../infra/local/run/run.ts';

test('a run is one stream of events: metrics and logs among them, no secret and no token', async () => {
  const events: RunEvent[] = [];
  const report = await run({
    profile: SCALED_PROFILE,
    durationMs: 3_000,
    workers: 2,
    faults: false,
    dynamodbUrl: process.env.AWS_ENDPOINT_URL_DYNAMODB,
    signal: new AbortController().signal,
    watch(run) {
      run.events.subscribe((event) => events.push(event));
      // Goes on until everything has stopped: what a function writes arrives a little later than its answer.
      return () => {};
    },
  });

  expect(report).toMatchObject({ jobsLost: 0, wafBlocked: 0, rejected401: 0, faults: [], historyErrors: [] });
  expect(report.grants).toBeGreaterThan(1);
  expect(report.inspection).toEqual(expect.arrayContaining([expect.objectContaining({ client: 'mocha' })]));
  const done = events.filter((event) => event.kind === 'metric' && event.metric === 'JobDone');
  const sum = done.reduce((total, event) => total + (event.kind === 'metric' ? event.value : 0), 0);
  expect(sum).toBe(report.jobsDone);
  const text = JSON.stringify([events, report]);
  expect(text).toContain('"kind":"log"');
  expect(text).not.toMatch(/eyJ[\w-]{10}|Basic [\w+/]{10}|Bearer [\w.-]{10}/);
});
