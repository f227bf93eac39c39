import type { SQSRecord } from 'aws-lambda';
import { expect, test } from 'vitest';

import { envelopeOf } from '../../../functions/worker/envelope.ts';

const record = (messageAttributes: Readonly<Record<string, unknown>>, MessageGroupId?: string) =>
  ({
    messageId: 'second',
    attributes: {
      ApproximateReceiveCount: '3',
      SentTimestamp: '2000',
      ...(MessageGroupId !== undefined && { MessageGroupId }),
    },
    messageAttributes,
  }) as unknown as SQSRecord;

test('a copy keeps its first name, its failures and its age', () => {
  const messageAttributes = {
    'plume.jobId': { stringValue: 'first' },
    'plume.failures': { stringValue: '2' },
    'plume.submittedAtMs': { stringValue: '1000' },
  };
  expect(envelopeOf(record(messageAttributes))).toEqual({
    jobId: 'first',
    failures: 4,
    submittedAtMs: 1000,
    attributes: {},
  });
});

test('a job that was replayed from the dead-letter queue starts with no failures and a new age, under its first name', () => {
  const messageAttributes = {
    'plume.jobId': { stringValue: 'first' },
    'plume.failures': { stringValue: '5' },
    'plume.submittedAtMs': { stringValue: '1000' },
    'plume.code': { stringValue: 'job_failed' },
    tenant: { stringValue: '7' },
  };
  expect(envelopeOf(record(messageAttributes))).toEqual({
    jobId: 'first',
    // Received twice since then.
    failures: 2,
    submittedAtMs: 2000,
    attributes: { tenant: { stringValue: '7' } },
  });
});

test("a first message has its own name, and its sender's attributes and group", () => {
  const attributes = { jobId: { stringValue: 'x' }, failures: { stringValue: '99' } };
  expect(envelopeOf(record(attributes, 'tenant-7'))).toEqual({
    jobId: 'second',
    failures: 2,
    submittedAtMs: 2000,
    attributes,
    groupId: 'tenant-7',
  });
});

test.each(['abc', '-1000', 'Infinity', '1e9', '1.5', ''])(
  'the number %j in an attribute counts as none',
  (stringValue) => {
    const wrong = { 'plume.failures': { stringValue }, 'plume.submittedAtMs': { stringValue } };
    expect(envelopeOf(record(wrong))).toMatchObject({ failures: 2, submittedAtMs: 2000 });
  },
);

test('an age cannot begin after the message was sent', () => {
  const late = { 'plume.submittedAtMs': { stringValue: '9000' } };
  expect(envelopeOf(record(late)).submittedAtMs).toBe(2000);
});
