import type { SQSRecord } from 'aws-lambda';

import { isPlumeError, PlumeError } from '../../lib/errors.ts';
import { type Envelope, envelopeOf } from './envelope.ts';
import { REQUEST_HEADERS } from './headers.ts';

/** One API call, as a message of the job queue asks for it. */
export interface Job {
  /** The M2M client whose token it carries. */
  readonly client: string;
  readonly method: string;
  /** Path and query below the API's base URL. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** The name of the queue that takes its result. Absent: the result queue. */
  readonly results?: string;
}

/** What a job may name. */
export interface JobRules {
  /** The first is that of jobs which name none. */
  readonly clients: readonly [string, ...string[]];
  readonly resultQueues: ReadonlySet<string>;
}

/** A message of the job queue. */
export interface TakenJob {
  readonly messageId: string;
  /** Its text, as it came. */
  readonly body: string;
  readonly envelope: Envelope;
  /** Its job, or why it is none. */
  readonly job: Job | JobMalformedError;
  /** That of the job, or the first of the worker. */
  readonly client: string;
}

const METHODS: readonly unknown[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];
const MAX_PATH = 2048;
const MAX_HEADER = 1024;

/** The job can never be done: it is dead-lettered, and says why. */
export class JobMalformedError extends PlumeError<'job_malformed'> {
  override readonly name = 'JobMalformedError';

  constructor(rule: string) {
    super('job_malformed', `the job is malformed: ${rule}; correct the sender`);
  }
}

export function takeJob(record: SQSRecord, rules: JobRules): TakenJob {
  const { messageId, body } = record;
  let job: TakenJob['job'];
  try {
    job = parseJob(body, rules);
  } catch (error) {
    if (!(error instanceof JobMalformedError)) throw error;
    job = error;
  }
  const client = isPlumeError(job) ? rules.clients[0] : job.client;
  return { messageId, body, envelope: envelopeOf(record), job, client };
}

/**
 * @param message the message's body: `{ "method", "path", "body"?, "client"?, "headers"?, "results"? }`
 * @throws {JobMalformedError} naming the rule, never the message's content
 */
export function parseJob(message: string, rules: JobRules): Job {
  let json: unknown;
  try {
    json = JSON.parse(message);
  } catch {
    throw new JobMalformedError('it must be JSON');
  }
  const rule = brokenRule(json, rules);
  if (rule !== undefined) throw new JobMalformedError(rule);
  return { client: rules.clients[0], headers: {}, ...(json as Omit<Job, 'client' | 'headers'>) };
}

/** In a few lines instead of a schema library, which every cold start would load. */
function brokenRule(job: unknown, { clients, resultQueues }: JobRules): string | undefined {
  if (!isObject(job)) return 'it must be a JSON object';
  const { method, path, body, client, headers, results, ...others } = job;
  if (method === undefined) return 'method is missing';
  if (!METHODS.includes(method)) return `method must be one of ${METHODS.join(', ')}`;
  if (path === undefined) return 'path is missing';
  if (typeof path !== 'string') return 'path must be a string';
  if (!/^\/(?![/\\])/.test(path)) return 'path must begin with one slash';
  if (path.length > MAX_PATH) return `path must be at most ${MAX_PATH} characters long`;
  if (body !== undefined && (method === 'GET' || method === 'HEAD')) return 'GET and HEAD take no body';
  if (client !== undefined && !clients.includes(client as string))
    return `client must be one that this worker has: ${clients.join(', ')}`;
  if (results !== undefined && !resultQueues.has(results as string))
    return `results must be a queue that this worker has: ${[...resultQueues].join(', ') || 'it has none by name'}`;
  if (Object.keys(others).length > 0)
    return 'it has a key other than method, path, body, client, headers and results';
  return headers === undefined ? undefined : brokenHeaderRule(headers);
}

function brokenHeaderRule(headers: unknown): string | undefined {
  if (!isObject(headers)) return 'headers must be an object';
  if (!Object.keys(headers).every((name) => REQUEST_HEADERS.has(name.toLowerCase())))
    return `headers must be of these: ${[...REQUEST_HEADERS].join(', ')}`;
  const isText = (value: unknown): boolean =>
    typeof value === 'string' && value.length <= MAX_HEADER && /^[\t -~]+$/.test(value);
  return Object.values(headers).every(isText)
    ? undefined
    : `headers must have values of 1 to ${MAX_HEADER} ASCII characters`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
