import { expect, test } from 'vitest';

import { functionOf, statementsOf, synth } from './synth.ts';

const WORKER = /one message, one call/;

test('a worker has one client, one result queue and lines for all jobs, unless the stage says otherwise', () => {
  const { Variables } = functionOf(synth(), WORKER).Properties.Environment;
  expect(Variables.PLUME_CLIENTS).toBe('mocha');
  expect(Variables).not.toHaveProperty('PLUME_RESULT_QUEUE_URLS');
  expect(Variables).not.toHaveProperty('PLUME_LOG_JOBS');
  expect(Variables).not.toHaveProperty('PLUME_JOB_PRIORITY');
});

test('the clients, result queues and log of a stage reach its worker, which may do what they need and no more', () => {
  const template = synth({
    clients: ['latte', 'mocha'],
    resultQueues: ['billing'],
    logJobs: false,
    jobPriority: 'low',
  });
  const { Variables } = functionOf(template, WORKER).Properties.Environment;
  expect(Variables.PLUME_CLIENTS).toBe('mocha,latte');
  expect(Variables.PLUME_LOG_JOBS).toBe('false');
  expect(Variables.PLUME_JOB_PRIORITY).toBe('low');
  expect(JSON.stringify(Variables.PLUME_RESULT_QUEUE_URLS)).toContain('JobsResultsbilling');

  const statements = statementsOf(template, WORKER);
  const sends = statements.filter(({ Action }) => [Action].flat().includes('sqs:SendMessage'));
  expect(sends).toHaveLength(1);
  expect(sends[0]?.Resource).toHaveLength(4);
  expect(JSON.stringify(sends[0]?.Resource)).toContain('JobsResultsbilling');
  const keys = JSON.stringify(statements.map(({ Condition }) => Condition));
  for (const key of ['token#mocha', 'token#latte', 'request#mocha', 'request#latte'])
    expect(keys).toContain(key);
  template.hasOutput('ResultQueueUrlBilling', {});
});
