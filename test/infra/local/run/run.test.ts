import { expect, test } from 'vitest';

import type { Fact } from '../../../../infra/local/run/facts.ts';
import { SCALED_PROFILE } from '../../../../infra/local/run/profile.ts';
import { run } from '../../../../infra/local/run/run.ts';

test('a run is one stream of facts: metrics and logs among them, no secret and no token', {
  timeout: 60_000,
}, async () => {
  const facts: Fact[] = [];
  const report = await run({
    profile: SCALED_PROFILE,
    durationMs: 3_000,
    workers: 2,
    faults: false,
    dynamodbUrl: process.env.AWS_ENDPOINT_URL_DYNAMODB,
    signal: new AbortController().signal,
    watch: (run) => run.facts.subscribe((fact) => facts.push(fact)),
  });

  expect(report).toMatchObject({ jobsLost: 0, wafBlocked: 0, rejected401: 0, faults: [] });
  expect(report.inspection).toMatchObject({
    clients: expect.arrayContaining([expect.objectContaining({ client: 'mocha' })]),
  });
  const done = facts.filter((fact) => fact.kind === 'metric' && fact.metric === 'JobDone');
  const sum = done.reduce((total, fact) => total + (fact.kind === 'metric' ? fact.value : 0), 0);
  expect(sum).toBe(report.jobsDone);
  const text = JSON.stringify([facts, report]);
  expect(text).toContain('"kind":"log"');
  expect(text).not.toMatch(/eyJ[\w-]{10}|Basic [\w+/]{10}|Bearer [\w.-]{10}/);
});
