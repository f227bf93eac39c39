import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import fc from 'fast-check';
import { type FauxqsServer, startFauxqs } from 'fauxqs';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { takeJob } from '../../../functions/worker/job.ts';
import { processJob } from '../../../functions/worker/process-job.ts';
import { createQueues, type QueueUrls } from '../../../functions/worker/queues.ts';
import type { JobResult } from '../../../functions/worker/result.ts';
import type { Session } from '../../../lib/plume/broker.ts';
import { createMemoryBroker } from '../../fixtures/memory.ts';
import { silentTelemetry } from '../../fixtures/telemetry.ts';

/** Once the API has answered, nothing about its answer may cause the call again: one call, one message in the result queue. */

const TOKEN = 'opaque/token+with=signs.0123456789';

interface AnswerOfApi {
  readonly status: number;
  readonly type: string;
  readonly body: string | Buffer;
  /** The connection breaks before the body's end. */
  readonly isCut: boolean;
}

let answer: AnswerOfApi;
let calls = 0;
let session: Session;
let fauxqs: FauxqsServer;
let sqs: SQSClient;
let urls: QueueUrls;

const api = createServer((request, response) => {
  calls += 1;
  const { status, type, body, isCut } = answer;
  request.resume().on('end', () => {
    const length = Buffer.byteLength(body) + (isCut ? 1 : 0);
    response.writeHead(status, { 'content-type': type, 'content-length': String(length) });
    response.write(body, () => (isCut ? response.destroy() : response.end()));
  });
});

beforeAll(async () => {
  await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
  const broker = await createMemoryBroker(
    `http://127.0.0.1:${(api.address() as AddressInfo).port}/`,
    async () => TOKEN,
  );
  session = broker
    .caller()
    .open({ client: 'mocha', patienceMs: () => 30_000, endsInMs: Number.POSITIVE_INFINITY });
  fauxqs = await startFauxqs({ port: 0, logger: false });
  const create = (name: string) => fauxqs.createQueue(name).queueUrl;
  urls = {
    jobs: create('jobs'),
    results: create('results'),
    namedResults: new Map(),
    deadLetters: create('dead-letters'),
  };
  sqs = new SQSClient({
    endpoint: `http://127.0.0.1:${fauxqs.port}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
});
afterAll(async () => {
  await session.close();
  api.closeAllConnections();
  api.close();
  sqs.destroy();
  await fauxqs.stop();
});

const record = {
  messageId: 'job-1',
  body: '{"method":"POST","path":"/v1/locations","body":{}}',
  attributes: { ApproximateReceiveCount: '1', SentTimestamp: String(Date.now()) },
  messageAttributes: {},
} as unknown as SQSRecord;

/** Does the job once, and reads what is in the result queue. */
async function resultOf(given: AnswerOfApi): Promise<JobResult & { readonly message: string }> {
  answer = given;
  const before = calls;
  const end = await processJob(takeJob(record, { clients: ['mocha'], resultQueues: new Set() }), {
    windowMs: 300_000,
    logsDone: true,
    api: session,
    queues: createQueues({ sqs, urls }),
    now: Date.now,
    telemetry: silentTelemetry,
    random: Math.random,
  });
  expect(end).toBe('done');
  expect(calls - before).toBe(1);
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({ QueueUrl: urls.results, MaxNumberOfMessages: 10 }),
  );
  expect(Messages).toHaveLength(1);
  const [{ Body = '', ReceiptHandle } = {}] = Messages;
  await sqs.send(new DeleteMessageCommand({ QueueUrl: urls.results, ReceiptHandle }));
  expect(Body).not.toContain(TOKEN);
  expect(Body).not.toContain(encodeURIComponent(TOKEN));
  return { ...(JSON.parse(Body) as JobResult), message: Body };
}

const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;
const units = fc.constantFrom(
  '\uFFFE',
  '\uFFFF',
  '\uD800',
  '\uDFFF',
  '\0',
  '\u001F',
  '\u2028',
  '😀',
  'a',
  '"',
);
const texts = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: units }),
  fc.json(),
  fc.array(units).map((parts) => JSON.stringify(parts)),
  fc.integer({ min: 1, max: 100_000 }).map(nested),
  fc.constantFrom('x', '\uFFFF', '"', '\0').map((unit) => unit.repeat(200_000)),
  fc.string().map((text) => JSON.stringify({ headers: { authorization: `Bearer ${TOKEN}` }, text })),
  fc.string().map((text) => `<p>${text}</p><a href="/?t=${encodeURIComponent(TOKEN)}">${TOKEN}</a>`),
);
const bodies = fc.oneof(
  texts,
  fc.uint8Array({ maxLength: 2_000 }).map((bytes) => Buffer.from(bytes)),
);
const answers = fc.record({
  status: fc.constantFrom(200, 201, 302, 400, 403, 404, 409, 422),
  type: fc.constant('application/json'),
  body: bodies,
  isCut: fc.boolean(),
});

test('a job that was answered is called once and has one result, whatever the answer', async () => {
  await fc.assert(
    fc.asyncProperty(answers, async (given) => {
      const { id, status, body, bodyOmitted } = await resultOf(given);
      expect([id, status]).toEqual(['job-1', given.status]);
      expect(bodyOmitted === true).toBe(body === undefined);
      if (given.isCut) expect(bodyOmitted).toBe(true);
    }),
    { numRuns: 200 },
  );
});

test.each(['\uFFFE', '\uFFFF', '😀', '\uFFFE{"a":"\uFFFF"}'])(
  'characters that SQS refuses come through as they are: %j',
  async (text) => {
    const given = { status: 200, type: 'text/plain', body: text, isCut: false };
    const { body } = await resultOf(given);
    expect(body).toBe(text);
    expect((await resultOf({ ...given, body: JSON.stringify({ text }) })).body).toEqual({ text });
  },
);

test('an answer that is nested too deeply to be written is left out', async () => {
  const { bodyOmitted } = await resultOf({
    status: 201,
    type: 'application/json',
    body: nested(100_000),
    isCut: false,
  });
  expect(bodyOmitted).toBe(true);
});

test('an access token that the API repeats is replaced, and nothing else', async () => {
  const { body } = await resultOf({
    status: 200,
    type: 'application/json',
    body: JSON.stringify({ authorization: `Bearer ${TOKEN}`, token: 'of the caller', [TOKEN]: 1 }),
    isCut: false,
  });
  expect(body).toEqual({ authorization: 'Bearer [redacted]', token: 'of the caller', '[redacted]': 1 });
});
