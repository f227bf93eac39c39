import { expect, test } from 'vitest';

import { readJobSettings } from '../../../functions/worker/settings.ts';

const variables = {
  PLUME_CLIENTS: 'mocha,latte',
  PLUME_JOB_QUEUE_URL: 'https://sqs/jobs',
  PLUME_RESULT_QUEUE_URL: 'https://sqs/results',
  PLUME_DEAD_LETTER_QUEUE_URL: 'https://sqs/dead',
};

test('the worker reads its clients, its queues, and whether to log jobs that are done', () => {
  const urls = {
    jobs: 'https://sqs/jobs',
    results: 'https://sqs/results',
    namedResults: new Map(),
    deadLetters: 'https://sqs/dead',
  };
  expect(readJobSettings(variables)).toEqual({
    clients: ['mocha', 'latte'],
    urls,
    logsDone: true,
    priority: 'normal',
  });
  expect(
    readJobSettings({
      ...variables,
      PLUME_RESULT_QUEUE_URLS: '{"billing":"https://sqs/billing"}',
      PLUME_LOG_JOBS: 'false',
      PLUME_JOB_PRIORITY: 'low',
    }),
  ).toMatchObject({
    urls: { namedResults: new Map([['billing', 'https://sqs/billing']]) },
    logsDone: false,
    priority: 'low',
  });
});

test.each(Object.keys(variables))('without %s it does not start', (name) => {
  expect(() => readJobSettings({ ...variables, [name]: undefined })).toThrow(`${name} is missing`);
});

test.each([
  ['PLUME_CLIENTS', 'a/MARKER'],
  ['PLUME_CLIENTS', 'mocha,'],
  ['PLUME_RESULT_QUEUE_URLS', 'MARKER'],
  ['PLUME_RESULT_QUEUE_URLS', '{"MARKER":1}'],
  ['PLUME_RESULT_QUEUE_URLS', 'null'],
  ['PLUME_JOB_PRIORITY', 'MARKER'],
])('%s=%s is refused by its rule and is not repeated', (name, value) => {
  expect(() => readJobSettings({ ...variables, [name]: value })).toThrow(
    new RegExp(`^(?!.*MARKER)${name} must be`),
  );
});
