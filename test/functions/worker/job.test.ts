import type { SQSRecord } from 'aws-lambda';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { journeyOf, parseJob } from '../../../functions/worker/job.ts';
import { PlumeError } from '../../../lib/errors.ts';

test('a job is a method, a path and perhaps a body', () => {
  expect(parseJob('{"method":"GET","path":"/v1/locations?limit=1"}')).toEqual({
    method: 'GET',
    path: '/v1/locations?limit=1',
  });
  expect(parseJob('{"method":"POST","path":"/v1/x","body":{"a":[1]}}').body).toEqual({ a: [1] });
});

describe('a malformed message is refused by its rule and is not repeated', () => {
  test.each([
    ['MARKER', 'it must be JSON'],
    ['', 'it must be JSON'],
    ['"MARKER"', 'it must be a JSON object'],
    ['null', 'it must be a JSON object'],
    ['[]', 'it must be a JSON object'],
    ['{}', 'method is missing'],
    ['{"method":"GET"}', 'path is missing'],
    ['{"method":"MARKER","path":"/v1"}', 'method must be one of GET'],
    ['{"method":"GET","path":"MARKER"}', 'path must begin with one slash'],
    ['{"method":"GET","path":"//MARKER.example/v1"}', 'path must begin with one slash'],
    ['{"method":"GET","path":"/\\\\MARKER.example/v1"}', 'path must begin with one slash'],
    ['{"method":"GET","path":1}', 'path must be a string'],
    ['{"method":"GET","path":"/v1","body":{}}', 'GET and HEAD take no body'],
    ['{"method":"GET","path":"/v1","headers":{"MARKER":1}}', 'a key other than method, path and body'],
    [`{"method":"GET","path":"/${'x'.repeat(2048)}"}`, 'at most 2048'],
  ])('%s', (message, rule) => {
    expect(() => parseJob(message)).toThrow(rule);
    expect(() => parseJob(message)).toThrow(
      expect.objectContaining({ code: 'job_malformed', message: expect.not.stringContaining('MARKER') }),
    );
  });
});

test('any text at all is a job or a typed refusal that does not echo it', () => {
  const almostJobs = fc.record(
    {
      method: fc.oneof(fc.constantFrom('GET', 'POST'), fc.anything()),
      path: fc.oneof(fc.webPath(), fc.anything()),
      body: fc.anything(),
    },
    { requiredKeys: [] },
  );
  const texts = fc.oneof(
    fc.string(),
    fc.json(),
    almostJobs.map((job) =>
      JSON.stringify(job, (_, value) => (typeof value === 'bigint' ? String(value) : value)),
    ),
  );
  fc.assert(
    fc.property(texts, (text) => {
      try {
        const job = parseJob(text);
        expect(job.path.startsWith('/')).toBe(true);
        expect(new URL(job.path, 'https://api.example').origin).toBe('https://api.example');
      } catch (error) {
        expect(error).toBeInstanceOf(PlumeError);
        expect((error as PlumeError).code).toBe('job_malformed');
        if (text.length > 20) expect((error as PlumeError).message).not.toContain(text);
      }
    }),
    { numRuns: 2_000 },
  );
});

describe('a journey', () => {
  const record = (messageAttributes: Readonly<Record<string, unknown>>) =>
    ({
      messageId: 'second',
      attributes: { ApproximateReceiveCount: '3', SentTimestamp: '2000' },
      messageAttributes,
    }) as unknown as SQSRecord;

  test('of a copy goes on with its first name, its failures and its age', () => {
    const messageAttributes = {
      'plume.jobId': { stringValue: 'first' },
      'plume.failures': { stringValue: '2' },
      'plume.submittedAtMs': { stringValue: '1000' },
    };
    expect(journeyOf(record(messageAttributes))).toEqual({
      jobId: 'first',
      failures: 4,
      submittedAtMs: 1000,
      attributes: {},
    });
  });

  test("begins with the message, whose sender's attributes are none of its business", () => {
    const attributes = { jobId: { stringValue: 'x' }, failures: { stringValue: '99' } };
    expect(journeyOf(record(attributes))).toEqual({
      jobId: 'second',
      failures: 2,
      submittedAtMs: 2000,
      attributes,
    });
  });

  test.each(['abc', '-1000', 'Infinity', '1e9', '1.5', ''])(
    'is not led astray by the number %j',
    (stringValue) => {
      const wrong = { 'plume.failures': { stringValue }, 'plume.submittedAtMs': { stringValue } };
      expect(journeyOf(record(wrong))).toMatchObject({ failures: 2, submittedAtMs: 2000 });
    },
  );

  test('does not begin after its message was sent', () => {
    const late = { 'plume.submittedAtMs': { stringValue: '9000' } };
    expect(journeyOf(record(late)).submittedAtMs).toBe(2000);
  });
});
