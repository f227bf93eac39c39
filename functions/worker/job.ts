import type { SQSRecord } from 'aws-lambda';

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

const METHODS: readonly unknown[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];
const MAX_PATH = 2048;

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
  const rule = brokenRule(json);
  if (rule !== undefined) throw new JobMalformedError(rule);
  return json as Job;
}

/** In a few lines instead of a schema library, which every cold start would load. */
function brokenRule(job: unknown): string | undefined {
  if (typeof job !== 'object' || job === null || Array.isArray(job)) return 'it must be a JSON object';
  const { method, path, body, ...others } = job as Readonly<Record<string, unknown>>;
  if (method === undefined) return 'method is missing';
  if (!METHODS.includes(method)) return `method must be one of ${METHODS.join(', ')}`;
  if (path === undefined) return 'path is missing';
  if (typeof path !== 'string') return 'path must be a string';
  if (!/^\/(?![/\\])/.test(path)) return 'path must begin with one slash';
  if (path.length > MAX_PATH) return `path must be at most ${MAX_PATH} characters long`;
  if (body !== undefined && (method === 'GET' || method === 'HEAD')) return 'GET and HEAD take no body';
  return Object.keys(others).length > 0 ? 'it has a key other than method, path and body' : undefined;
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
  /** The group in whose turn SQS delivers the message (fair queues), if the sender gave it one. */
  readonly groupId?: string;
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
    ...(attributes.MessageGroupId !== undefined && { groupId: attributes.MessageGroupId }),
  };
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
