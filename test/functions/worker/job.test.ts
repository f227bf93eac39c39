import type { SQSRecord } from 'aws-lambda';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { parseJob as parse, takeJob } from '../../../functions/worker/job.ts';
import { PlumeError } from '../../../lib/errors.ts';

const rules = { clients: ['mocha', 'latte'] as const, resultQueues: new Set(['billing']) };
const parseJob = (message: string) => parse(message, { ...rules, clients: ['mocha', 'latte'] });

test('a job is a method, a path and perhaps a body', () => {
  expect(parseJob('{"method":"GET","path":"/v1/locations?limit=1"}')).toEqual({
    client: 'mocha',
    method: 'GET',
    path: '/v1/locations?limit=1',
    headers: {},
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
    [
      '{"method":"GET","path":"/v1","MARKER":1}',
      'a key other than method, path, body, client, headers and results',
    ],
    [
      '{"method":"GET","path":"/v1","client":"MARKER"}',
      'client must be one that this worker has: mocha, latte',
    ],
    ['{"method":"GET","path":"/v1","client":1}', 'client must be one'],
    [
      '{"method":"GET","path":"/v1","results":"MARKER"}',
      'results must be a queue that this worker has: billing',
    ],
    ['{"method":"GET","path":"/v1","headers":"MARKER"}', 'headers must be an object'],
    ['{"method":"GET","path":"/v1","headers":{"MARKER":"1"}}', 'headers must be of these: accept,'],
    ['{"method":"GET","path":"/v1","headers":{"Authorization":"MARKER"}}', 'headers must be of these'],
    ['{"method":"GET","path":"/v1","headers":{"host":"MARKER"}}', 'headers must be of these'],
    ['{"method":"GET","path":"/v1","headers":{"transfer-encoding":"chunked"}}', 'headers must be of these'],
    ['{"method":"GET","path":"/v1","headers":{"prefer":1}}', 'headers must have values'],
    ['{"method":"GET","path":"/v1","headers":{"prefer":""}}', 'headers must have values'],
    ['{"method":"GET","path":"/v1","headers":{"prefer":"MARKER\\r\\nhost: x"}}', 'headers must have values'],
    [`{"method":"GET","path":"/${'x'.repeat(2048)}"}`, 'at most 2048'],
  ])('%s', (message, rule) => {
    expect(() => parseJob(message)).toThrow(rule);
    expect(() => parseJob(message)).toThrow(
      expect.objectContaining({ code: 'job_malformed', message: expect.not.stringContaining('MARKER') }),
    );
  });
});

test('a job may name its client, headers that are allowed, and the queue of its result', () => {
  const job = {
    method: 'PUT',
    path: '/v1/x',
    client: 'latte',
    headers: { 'If-Match': '"7"', 'idempotency-key': 'k' },
    results: 'billing',
  };
  expect(parseJob(JSON.stringify(job))).toEqual(job);
});

test('a message that is no job is taken with its reason, as one of the first client', () => {
  const record = {
    messageId: 'm',
    body: 'MARKER',
    attributes: { SentTimestamp: '0', ApproximateReceiveCount: '1' },
    messageAttributes: {},
  } as unknown as SQSRecord;
  expect(takeJob(record, { ...rules, clients: ['mocha'] })).toMatchObject({
    messageId: 'm',
    body: 'MARKER',
    client: 'mocha',
    job: { code: 'job_malformed' },
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
    { numRuns: 500 },
  );
});
