import type { SQSRecord } from 'aws-lambda';
import * as v from 'valibot';

import { JOB_ATTRIBUTES } from '../../lib/contract.ts';
import { PlumeError } from '../../lib/errors.ts';

/** One API call that somebody wants made. */
export interface Job {
  readonly method: string;
  /** Path and query below the API's base URL. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

const jobSchema = v.pipe(
  v.strictObject({
    method: v.picklist(METHODS, `method must be one of ${METHODS.join(', ')}`),
    path: v.pipe(
      v.string('path must be a string'),
      v.regex(/^\/(?![/\\])/, 'path must begin with one slash'),
      v.maxLength(2048, 'path must be at most 2048 characters long'),
    ),
    body: v.exactOptional(v.unknown()),
  }),
  v.check(
    ({ method, body }) => body === undefined || !['GET', 'HEAD'].includes(method),
    'GET and HEAD take no body',
  ),
);

/** The job can never be done: it is set aside, and says why. */
export class JobMalformedError extends PlumeError<'job_malformed'> {
  override readonly name = 'JobMalformedError';

  constructor(rule: string) {
    super('job_malformed', `the job's message is malformed: ${rule}`);
  }
}

/**
 * @param message the message's body: `{ "method", "path", "body"? }`
 * @throws {JobMalformedError} naming the rule, never the message's content
 */
export function parseJob(message: string): Job {
  let json: unknown;
  try {
    json = JSON.parse(message);
  } catch {
    throw new JobMalformedError('it must be JSON');
  }
  const result = v.safeParse(jobSchema, json);
  if (result.success) return result.output;
  const [issue] = result.issues;
  if (issue.expected === 'Object') throw new JobMalformedError('it must be a JSON object');
  throw new JobMalformedError(
    issue.expected === 'never' ? 'it has a key other than method, path and body' : missingOr(issue),
  );
}

function missingOr(issue: v.BaseIssue<unknown>): string {
  const key = v.getDotPath(issue);
  return issue.received === 'undefined' && key !== null ? `${key} is missing` : issue.message;
}

/** What a message carries besides the job. A postponed job travels on as a copy and takes this along. */
export interface Journey {
  /** The id of the first message: the job's name in results, whatever copies it went through. */
  readonly jobId: string;
  /** Attempts that failed before this one. */
  readonly failures: number;
  /** When the first message was sent, Unix ms. */
  readonly submittedAtMs: number;
  /** The attributes that the sender gave the message: they are none of the worker's business, and go along. */
  readonly attributes: SQSRecord['messageAttributes'];
}

const OWN: ReadonlySet<string> = new Set(Object.values(JOB_ATTRIBUTES));

export function journeyOf({ messageId, attributes, messageAttributes }: SQSRecord): Journey {
  const sentAtMs = Number(attributes.SentTimestamp);
  const submittedAtMs = wholeNumber(messageAttributes[JOB_ATTRIBUTES.submittedAtMs]?.stringValue) ?? sentAtMs;
  return {
    jobId: messageAttributes[JOB_ATTRIBUTES.jobId]?.stringValue ?? messageId,
    failures:
      (wholeNumber(messageAttributes[JOB_ATTRIBUTES.failures]?.stringValue) ?? 0) +
      Number(attributes.ApproximateReceiveCount) -
      1,
    submittedAtMs: Math.min(submittedAtMs, sentAtMs),
    attributes: Object.fromEntries(Object.entries(messageAttributes).filter(([name]) => !OWN.has(name))),
  };
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
