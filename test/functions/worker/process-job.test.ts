import {
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SendMessageCommandInput,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import { type FauxqsServer, startFauxqs } from 'fauxqs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { takeJob } from '../../../functions/worker/job.ts';
import { processJob } from '../../../functions/worker/process-job.ts';
import { createQueues, type QueueUrls } from '../../../functions/worker/queues.ts';
import { PlumeError } from '../../../lib/errors.ts';
import type { PlumeApi } from '../../../lib/plume/api.ts';
import type { Telemetry } from '../../../lib/telemetry/telemetry.ts';
import { TokenUnavailableError } from '../../../lib/token/errors.ts';
import { WafBlockedError } from '../../../lib/waf/errors.ts';
import { silentTelemetry } from '../../fixtures/telemetry.ts';

let server: FauxqsServer;
let sqs: SQSClient;
let urls: QueueUrls;

beforeAll(async () => {
  server = await startFauxqs({ port: 0, logger: false });
  const create = (name: string) =>
    server.createQueue(name, { attributes: { VisibilityTimeout: '0', MaximumMessageSize: '262144' } })
      .queueUrl;
  urls = {
    jobs: create('jobs'),
    results: create('results'),
    namedResults: new Map([['billing', create('billing')]]),
    deadLetters: create('dead-letters'),
  };
  sqs = new SQSClient({
    endpoint: `http://127.0.0.1:${server.port}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
});
afterEach(() => server.reset());
afterAll(async () => {
  sqs.destroy();
  await server.stop();
});

async function receive(queueUrl: string): Promise<SQSRecord | undefined> {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({
      QueueUrl: queueUrl,
      MessageSystemAttributeNames: ['All'],
      MessageAttributeNames: ['All'],
    }),
  );
  return Messages[0] && toRecord(Messages[0]);
}

/** As Lambda's event source hands a message to a function. */
function toRecord({
  MessageId,
  ReceiptHandle,
  Body,
  Attributes,
  MessageAttributes = {},
}: Message): SQSRecord {
  const messageAttributes = Object.fromEntries(
    Object.entries(MessageAttributes).map(([name, { StringValue, DataType }]) => [
      name,
      { stringValue: StringValue, dataType: DataType },
    ]),
  );
  return {
    messageId: MessageId,
    receiptHandle: ReceiptHandle,
    body: Body,
    attributes: Attributes,
    messageAttributes,
  } as unknown as SQSRecord;
}

async function submit(job: unknown): Promise<SQSRecord> {
  const MessageBody = typeof job === 'string' ? job : JSON.stringify(job);
  await sqs.send(new SendMessageCommand({ QueueUrl: urls.jobs, MessageBody }));
  return (await receive(urls.jobs)) as SQSRecord;
}

const answering =
  (status: number, body: unknown = { ok: true }): PlumeApi['fetch'] =>
  async () =>
    new Response(typeof body === 'string' ? body : JSON.stringify(body), { status });

const throwing =
  (error: unknown): PlumeApi['fetch'] =>
  async () => {
    throw error;
  };

const rules = { clients: ['mocha'] as const, resultQueues: new Set(['billing']) };

const run = (
  record: SQSRecord,
  fetch: PlumeApi['fetch'],
  now = Date.now,
  { using = urls, telemetry = silentTelemetry as Telemetry, logsDone = true } = {},
) =>
  processJob(takeJob(record, { ...rules, clients: ['mocha'] }), {
    api: { fetch, redact: (text) => text },
    queues: createQueues({ sqs, urls: using }),
    now,
    telemetry,
    windowMs: 300_000,
    logsDone,
    random: () => 0,
  });

const job = { method: 'POST', path: '/v1/locations', body: { name: 'x' } };

describe('an answer', () => {
  test.each([200, 204, 302, 400, 403, 404, 409])('with status %i is a result', async (status) => {
    const record = await submit(job);
    const body = status === 204 ? '' : { ok: true };
    const fetch: PlumeApi['fetch'] = async (path, init) => {
      expect([path, init?.method, init?.json]).toEqual(['/v1/locations', 'POST', { name: 'x' }]);
      return status === 204 ? new Response(null, { status }) : new Response(JSON.stringify(body), { status });
    };
    expect(await run(record, fetch)).toBe('done');
    expect(JSON.parse((await receive(urls.results))?.body ?? '')).toEqual({
      id: record.messageId,
      status,
      headers: status === 204 ? {} : { 'content-type': 'text/plain;charset=UTF-8' },
      body,
    });
  });

  test.each([
    ['too long for a message', 'x'.repeat(2_000_000)],
    ['that only its escapes make too long', '\0'.repeat(190_000)],
    ['without an end', new ReadableStream({ pull: (stream) => stream.enqueue(new Uint8Array(65_536)) })],
  ])('%s is left out, and the job is not done again', async (_, body) => {
    const record = await submit(job);
    expect(await run(record, async () => new Response(body))).toBe('done');
    expect(JSON.parse((await receive(urls.results))?.body ?? '')).toEqual({
      id: record.messageId,
      status: 200,
      headers: expect.anything(),
      bodyOmitted: true,
    });
  });

  test.each([401, 408, 429, 500, 503])(
    'with status %i is tried again and set aside at the fifth time',
    async (status) => {
      let record = await submit(job);
      for (let attempt = 1; attempt < 5; attempt += 1) {
        expect(await run(record, answering(status))).toBe('retry');
        record = (await receive(urls.jobs)) as SQSRecord;
      }
      expect(await run(record, answering(status))).toBe('dead-lettered');
      const dead = (await receive(urls.deadLetters)) as SQSRecord;
      expect(dead.body).toBe(JSON.stringify(job));
      expect(dead.messageAttributes).toMatchObject({
        'plume.code': { stringValue: 'job_failed' },
        'plume.jobId': { stringValue: record.messageId },
      });
    },
  );
});

describe('a result', () => {
  const sender = { tenant: { stringValue: '7', dataType: 'String' } } as SQSRecord['messageAttributes'];
  const withSender = (record: SQSRecord) => ({ ...record, messageAttributes: sender });

  test("goes with the sender's attributes and the headers that matter to the queue that the job names", async () => {
    const record = withSender(await submit({ method: 'GET', path: '/v1', results: 'billing' }));
    const headers = { etag: '"1"', location: '/v1/7', 'set-cookie': 'secret', 'x-request-id': 'r1' };
    expect(await run(record, async () => new Response('{}', { status: 201, headers }))).toBe('done');
    expect(await receive(urls.results)).toBeUndefined();
    const result = await receive(urls.namedResults.get('billing') ?? '');
    expect(JSON.parse(result?.body ?? '')).toEqual({
      id: record.messageId,
      status: 201,
      headers: {
        'content-type': 'text/plain;charset=UTF-8',
        etag: '"1"',
        location: '/v1/7',
        'x-request-id': 'r1',
      },
      body: {},
    });
    expect(result?.messageAttributes.tenant?.stringValue).toBe('7');
  });

  test('that SQS refuses goes without its body and attributes: the call is not made again', async () => {
    const messageAttributes = { tenant: { stringValue: 'x'.repeat(20_000), dataType: 'String' } };
    const record = { ...(await submit(job)), messageAttributes } as unknown as SQSRecord;
    expect(await run(record, answering(200, 'x'.repeat(245_000)))).toBe('done');
    const result = await receive(urls.results);
    expect(result?.body).toBe(`{"id":"${record.messageId}","status":200,"headers":{},"bodyOmitted":true}`);
  });

  test('may need headers that the job names', async () => {
    const record = await submit({ ...job, headers: { 'Idempotency-Key': 'k', Accept: 'text/plain' } });
    const sent: Headers[] = [];
    const fetch: PlumeApi['fetch'] = async (_, init) => {
      sent.push(new Headers(init?.headers));
      return new Response('{}');
    };
    expect(await run(record, fetch)).toBe('done');
    expect([sent[0]?.get('idempotency-key'), sent[0]?.get('accept')]).toEqual(['k', 'text/plain']);
  });
});

describe('the log has one line for each job', () => {
  async function linesOf(
    message: object,
    fetch: PlumeApi['fetch'],
    logsDone = true,
  ): Promise<readonly unknown[][]> {
    const lines: unknown[][] = [];
    const telemetry: Telemetry = { metric: () => {}, log: (...line) => void lines.push(line) };
    await run(await submit(message), fetch, Date.now, { telemetry, logsDone });
    return lines;
  }
  const personal = { method: 'GET', path: '/v1/locations?email=MARKER' };

  test('that is done, with its status and duration, and without the query of its path', async () => {
    const [line, ...others] = await linesOf(personal, answering(404));
    expect(others).toEqual([]);
    expect(line).toEqual([
      'info',
      'a job was done',
      {
        client: 'mocha',
        end: 'done',
        status: 404,
        durationMs: expect.any(Number),
        ageMs: expect.any(Number),
        failures: 0,
        method: 'GET',
        path: '/v1/locations',
      },
    ]);
  });

  test('that is not done, with the reason', async () => {
    const lines = await linesOf(personal, answering(500));
    expect(lines).toMatchObject([
      ['warn', 'a job was not done', { end: 'retry', status: 500, error: { code: 'job_failed' } }],
    ]);
    expect(JSON.stringify(lines)).not.toContain('MARKER');
  });

  test('but not for those that are done, where that is switched off', async () => {
    expect(await linesOf(personal, answering(200), false)).toEqual([]);
    expect(await linesOf(personal, answering(500), false)).toHaveLength(1);
  });
});

describe('a wait', () => {
  const refused = (retryAtMs?: number) =>
    new PlumeError('budget_exhausted', 'full', { client: 'mocha', retryAtMs });

  test('becomes the delay of a copy', async () => {
    const record = await submit(job);
    const nowMs = Date.now();
    expect(await run(record, throwing(refused(nowMs + 42_000)), () => nowMs)).toBe('postponed');
    const { delayed = [] } = server.inspectQueue('jobs')?.messages ?? {};
    expect(delayed).toHaveLength(1);
    expect(delayed[0]?.body).toBe(record.body);
    const seconds = ((delayed[0]?.delayUntil ?? 0) - Date.now()) / 1000;
    expect(seconds).toBeGreaterThan(39);
    expect(seconds).toBeLessThanOrEqual(42);
  });

  const delayOfCopy = (): number => {
    const { delayed = [] } = server.inspectQueue('jobs')?.messages ?? {};
    expect(delayed).toHaveLength(1);
    return ((delayed[0]?.delayUntil ?? 0) - Date.now()) / 1000;
  };

  test('for the budget is 45 s at most: a pause may end at any time', async () => {
    expect(await run(await submit(job), throwing(refused(Date.now() + 3_600_000)))).toBe('postponed');
    expect(delayOfCopy()).toBeGreaterThan(40);
    expect(delayOfCopy()).toBeLessThanOrEqual(46);
  });

  test.each([
    ['budget_exhausted', 1],
    ['budget_paused', 0],
  ] as const)('for %s tells of an age that might stand still %i times', async (code, times) => {
    const told: string[] = [];
    const telemetry: Telemetry = { metric: (name) => void told.push(name), log: () => {} };
    const record = await submit(job);
    expect(await run(record, throwing(new PlumeError(code, 'x')), Date.now, { telemetry })).toBe('postponed');
    expect(told.filter((name) => name === 'JobAge')).toHaveLength(times);
    expect(told).toContain('JobPostponed');
  });

  test('longer than SQS allows is cut to its maximum', async () => {
    const unavailable = new TokenUnavailableError('mocha', { retryAtMs: Date.now() + 3_600_000 });
    expect(await run(await submit(job), throwing(unavailable))).toBe('postponed');
    const seconds = delayOfCopy();
    expect(seconds).toBeGreaterThan(880);
    expect(seconds).toBeLessThanOrEqual(900);
  });

  test.each([
    'token_store_unavailable',
    'budget_exhausted',
    'budget_blocked',
    'budget_unavailable',
    'budget_clock_unreliable',
    'waf_blocked',
    'invocation_over',
  ] as const)('for %s without a moment is half a minute', async (code) => {
    expect(await run(await submit(job), throwing(new PlumeError(code, 'x')))).toBe('postponed');
    expect(delayOfCopy()).toBeGreaterThan(25);
  });

  test('for somebody to correct a secret is as long as SQS allows', async () => {
    expect(
      await run(
        await submit(job),
        throwing(new TokenUnavailableError('mocha', { retryAtMs: Date.now() + 21_600_000 })),
      ),
    ).toBe('postponed');
    expect(delayOfCopy()).toBeGreaterThan(880);
  });

  test('for a refusal of the WAF takes along when it was refused, until another call has passed and it counts', async () => {
    const atMs = Date.now();
    const refusedAt = (refusedAtMs: number, clearedAtMs?: number) =>
      throwing(
        new WafBlockedError('mocha', 'GET /v1', {
          refused: 'call',
          refusedAtMs,
          refusedSinceMs: refusedAtMs,
          retryAtMs: 0,
          ...(clearedAtMs !== undefined && { clearedAtMs }),
        }),
      );
    const first = await submit(job);
    expect(await run(first, refusedAt(atMs), () => atMs)).toBe('postponed');
    await sqs.send(new DeleteMessageCommand({ QueueUrl: urls.jobs, ReceiptHandle: first.receiptHandle }));
    const copy = (await receive(urls.jobs)) as SQSRecord;
    expect(copy.messageAttributes['plume.refusedAtMs']?.stringValue).toBe(String(atMs));
    expect(copy.messageAttributes['plume.failures']?.stringValue).toBe('0');
    expect(await run(copy, refusedAt(atMs + 2, atMs + 1), () => atMs)).toBe('postponed');
    await sqs.send(new DeleteMessageCommand({ QueueUrl: urls.jobs, ReceiptHandle: copy.receiptHandle }));
    const counted = (await receive(urls.jobs)) as SQSRecord;
    expect(counted.messageAttributes['plume.failures']?.stringValue).toBe('1');
    expect(counted.messageAttributes['plume.countedAtMs']?.stringValue).toBe(String(atMs + 2));
  });

  test("takes the sender's attributes along, as many as there is room for", async () => {
    const MessageAttributes = Object.fromEntries(
      Array.from({ length: 9 }, (_, index) => [
        `trace-${index}`,
        { DataType: 'String', StringValue: `${index}` },
      ]),
    );
    await sqs.send(
      new SendMessageCommand({ QueueUrl: urls.jobs, MessageBody: JSON.stringify(job), MessageAttributes }),
    );
    const record = (await receive(urls.jobs)) as SQSRecord;
    expect(await run(record, throwing(refused(Date.now())))).toBe('postponed');
    await sqs.send(new DeleteMessageCommand({ QueueUrl: urls.jobs, ReceiptHandle: record.receiptHandle }));
    const copy = (await receive(urls.jobs)) as SQSRecord;
    expect(Object.keys(copy.messageAttributes)).toHaveLength(10);
    expect(copy.messageAttributes['trace-0']?.stringValue).toBe('0');
    expect(copy.messageAttributes['plume.jobId']?.stringValue).toBe(record.messageId);
  });

  test("goes on in the sender's message group, and so does a dead letter", async () => {
    const record = await submit(job);
    const grouped = { ...record, attributes: { ...record.attributes, MessageGroupId: 'tenant-7' } };
    const sent: SendMessageCommandInput[] = [];
    // The engine forgets the group of a standard queue's message.
    sqs.middlewareStack.add(
      (next, { commandName }) =>
        (args) => {
          if (commandName === 'SendMessageCommand') sent.push(args.input as SendMessageCommandInput);
          return next(args);
        },
      { step: 'initialize', name: 'sent' },
    );
    expect(await run(grouped, throwing(refused(Date.now())))).toBe('postponed');
    expect(await run({ ...grouped, body: 'malformed' }, answering(200))).toBe('dead-lettered');
    expect(await run(record, throwing(refused(Date.now())))).toBe('postponed');
    sqs.middlewareStack.remove('sent');
    expect(sent.map(({ QueueUrl, MessageGroupId }) => [QueueUrl, MessageGroupId])).toEqual([
      [urls.jobs, 'tenant-7'],
      [urls.deadLetters, 'tenant-7'],
      [urls.jobs, undefined],
    ]);
  });

  test('never counts towards the dead-letter queue, whatever their number; failures before it do', async () => {
    let record = await submit(job);
    const jobId = record.messageId;
    for (const status of [500, 500, 500]) {
      expect(await run(record, answering(status))).toBe('retry');
      record = (await receive(urls.jobs)) as SQSRecord;
    }
    for (let time = 0; time < 30; time += 1) {
      expect(await run(record, throwing(refused(Date.now())))).toBe('postponed');
      // As the event source does with what is settled.
      await sqs.send(new DeleteMessageCommand({ QueueUrl: urls.jobs, ReceiptHandle: record.receiptHandle }));
      record = (await receive(urls.jobs)) as SQSRecord;
      expect(record.messageAttributes['plume.jobId']?.stringValue).toBe(jobId);
    }
    expect(await run(record, answering(500))).toBe('retry');
    record = (await receive(urls.jobs)) as SQSRecord;
    expect(await run(record, answering(500))).toBe('dead-lettered');
  });

  test('of days on end becomes a dead letter: copies must not live for ever', async () => {
    const record = await submit(job);
    const muchLater = () => Date.now() + 5 * 86_400_000;
    expect(
      await run(
        record,
        throwing(new TokenUnavailableError('mocha', { retryAtMs: Date.now() + 21_600_000 })),
        muchLater,
      ),
    ).toBe('dead-lettered');
    expect((await receive(urls.deadLetters))?.messageAttributes['plume.code']?.stringValue).toBe(
      'token_unavailable',
    );
  });
});

describe('what cannot be done', () => {
  test('a malformed job is set aside at once, with its reason', async () => {
    const record = await submit('{"method":"GET"}');
    expect(await run(record, answering(200))).toBe('dead-lettered');
    const dead = await receive(urls.deadLetters);
    expect(dead?.body).toBe('{"method":"GET"}');
    expect(dead?.messageAttributes['plume.code']?.stringValue).toBe('job_malformed');
  });

  test('a result that cannot be sent, a copy that cannot be made: the message is left to the queue', async () => {
    const nowhere = {
      ...urls,
      results: `${urls.results}-x`,
      jobs: `${urls.jobs}-x`,
      deadLetters: `${urls.deadLetters}-x`,
    };
    const record = await submit(job);
    expect(await run(record, answering(200), Date.now, { using: nowhere })).toBe('retry');
    const waiting = throwing(new PlumeError('budget_blocked', 'x', { retryAtMs: 0 }));
    expect(await run(record, waiting, Date.now, { using: nowhere })).toBe('retry');
    expect(await run(await submit('MARKER'), answering(200), Date.now, { using: nowhere })).toBe('retry');
  });

  test('an error of unknown kind is a failure of this attempt', async () => {
    expect(await run(await submit(job), throwing(new TypeError('x')))).toBe('retry');
  });
});
