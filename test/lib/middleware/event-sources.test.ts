import {
  BatchProcessor,
  EventType,
  processPartialResponse,
  SqsFifoPartialProcessorAsync,
} from '@aws-lambda-powertools/batch';
import middy from '@middy/core';
import type {
  APIGatewayProxyEvent,
  APIGatewayProxyEventV2,
  APIGatewayProxyResult,
  APIGatewayProxyStructuredResultV2,
  Context,
  DynamoDBRecord,
  DynamoDBStreamEvent,
  EventBridgeEvent,
  KinesisStreamEvent,
  KinesisStreamRecord,
  SQSBatchResponse,
  SQSEvent,
  SQSRecord,
} from 'aws-lambda';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { isPlumeError } from '../../../lib/errors.ts';
import { plume } from '../../../lib/middleware/plume.ts';
import type { PlumeApi } from '../../../lib/plume/api.ts';
import { type CloudBroker, startCloudBroker } from '../../fixtures/memory.ts';

/**
 * A handler for each source of events, with the real middleware, Middy and Powertools, on a local table and a local Plume
 * cloud. What calls a path outside of `/api/` is answered 404.
 */

const GOOD = '/api/v1/locations';
const BAD = '/elsewhere';

let broker: CloudBroker;
beforeAll(async () => {
  broker = await startCloudBroker();
});
afterAll(() => broker.stop());
beforeEach(() => Object.assign(broker.seen, { reservations: 0, tickets: 0, flushes: 0 }));

const options = () => ({ client: 'mocha', broker: broker.caller() });
/** What Lambda passes, before any middleware has added to it. */
const lambdaContext = (remainingMs = 60_000) =>
  ({ functionName: 'test', getRemainingTimeInMillis: () => remainingMs }) as Context & {
    plume: PlumeApi;
  };

const sqsEvent = (...bodies: string[]): SQSEvent => ({
  Records: bodies.map((body, index) => ({
    messageId: String(index),
    receiptHandle: '',
    body,
    attributes: {
      ApproximateReceiveCount: '1',
      SentTimestamp: '0',
      SenderId: '',
      ApproximateFirstReceiveTimestamp: '0',
      MessageGroupId: 'group',
    },
    messageAttributes: {},
    md5OfBody: '',
    eventSource: 'aws:sqs',
    eventSourceARN: 'arn:aws:sqs:eu-central-1:123456789012:jobs.fifo',
    awsRegion: 'eu-central-1',
  })),
});

describe('SQS', () => {
  test('by hand: one write reserves for the batch, and what failed is named', async () => {
    const handler = middy()
      .use(plume<SQSEvent>(options()))
      .handler(async ({ Records }, context): Promise<SQSBatchResponse> => {
        const ends = await Promise.allSettled(Records.map(({ body }) => context.plume.json(body)));
        const failed = Records.filter((_, index) => ends[index]?.status === 'rejected');
        return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
      });
    const event = sqsEvent(GOOD, BAD, GOOD, GOOD, GOOD, GOOD, GOOD, GOOD, BAD, GOOD);
    expect(await handler(event, lambdaContext())).toEqual({
      batchItemFailures: [{ itemIdentifier: '1' }, { itemIdentifier: '8' }],
    });
    expect(broker.seen).toMatchObject({ reservations: 1, tickets: 10, flushes: 1 });
  });

  const record =
    ({ plume }: { plume: PlumeApi }) =>
    async ({ body }: SQSRecord): Promise<void> => {
      await plume.json(body);
    };

  test("with Powertools' batch processor", async () => {
    const processor = new BatchProcessor(EventType.SQS);
    const handler = middy()
      .use(plume<SQSEvent>(options()))
      .handler((event, context) => processPartialResponse(event, record(context), processor, { context }));
    expect(await handler(sqsEvent(GOOD, BAD, GOOD), lambdaContext())).toEqual({
      batchItemFailures: [{ itemIdentifier: '1' }],
    });
    expect(broker.seen).toMatchObject({ reservations: 1, tickets: 3, flushes: 1 });
  });

  test("with Powertools' FIFO processor: what follows a failure is not called", async () => {
    const processor = new SqsFifoPartialProcessorAsync();
    const handler = middy()
      .use(plume<SQSEvent>(options()))
      .handler((event, context) => processPartialResponse(event, record(context), processor, { context }));
    const before = broker.statuses.length;
    expect(await handler(sqsEvent(GOOD, BAD, GOOD), lambdaContext())).toEqual({
      batchItemFailures: [{ itemIdentifier: '1' }, { itemIdentifier: '2' }],
    });
    expect(broker.statuses.slice(before)).toEqual([200]);
  });

  test('a token revoked before a batch is replaced once, and every record is done', async () => {
    broker.cloud.revoke('mocha');
    const before = broker.statuses.length;
    const processor = new BatchProcessor(EventType.SQS);
    const handler = middy()
      .use(plume<SQSEvent>(options()))
      .handler((event, context) => processPartialResponse(event, record(context), processor, { context }));
    expect(await handler(sqsEvent(GOOD, GOOD, GOOD), lambdaContext())).toEqual({ batchItemFailures: [] });
    expect(broker.statuses.slice(before).filter((status) => status === 200)).toHaveLength(3);
    expect(broker.statuses.slice(before)).toContain(401);
  });
});

test('Kinesis: one write reserves for the records, and the stream is read on from the first that failed', async () => {
  const event = {
    Records: [GOOD, BAD, GOOD].map((path, index) => ({
      eventSource: 'aws:kinesis',
      eventID: `shardId-000000000000:${index}`,
      kinesis: {
        sequenceNumber: String(index),
        partitionKey: '',
        data: Buffer.from(path).toString('base64'),
      },
    })),
  } as KinesisStreamEvent;
  const processor = new BatchProcessor(EventType.KinesisDataStreams);
  const handler = middy()
    .use(plume<KinesisStreamEvent>(options()))
    .handler((records, context) => {
      const record = async ({ kinesis }: KinesisStreamRecord): Promise<void> => {
        await context.plume.json(Buffer.from(kinesis.data, 'base64').toString());
      };
      return processPartialResponse(records, record, processor, { context });
    });
  expect(await handler(event, lambdaContext())).toEqual({ batchItemFailures: [{ itemIdentifier: '1' }] });
  expect(broker.seen).toMatchObject({ reservations: 1, tickets: 3, flushes: 1 });
});

test('DynamoDB streams: the same, by hand and in order', async () => {
  const event: DynamoDBStreamEvent = {
    Records: [GOOD, GOOD, BAD, GOOD].map((path, index): DynamoDBRecord => {
      return { dynamodb: { SequenceNumber: String(index), NewImage: { path: { S: path } } } };
    }),
  };
  const handler = middy()
    .use(plume<DynamoDBStreamEvent>(options()))
    .handler(async ({ Records }, context) => {
      for (const { dynamodb } of Records) {
        const { ok, body } = await context.plume.fetch(dynamodb?.NewImage?.path?.S ?? '');
        await body?.cancel();
        if (!ok) return { batchItemFailures: [{ itemIdentifier: dynamodb?.SequenceNumber ?? '' }] };
      }
      return { batchItemFailures: [] };
    });
  expect(await handler(event, lambdaContext())).toEqual({ batchItemFailures: [{ itemIdentifier: '2' }] });
  expect(broker.seen).toMatchObject({ reservations: 1, tickets: 4, flushes: 1 });
});

describe('EventBridge', () => {
  type Renamed = EventBridgeEvent<'LocationRenamed', { paths: string[] }>;
  const event = (...paths: string[]) => ({ 'detail-type': 'LocationRenamed', detail: { paths } }) as Renamed;

  test('reserves one ticket, or as many as it is told', async () => {
    const handler = middy()
      .use(plume<Renamed>({ ...options(), calls: ({ detail }) => detail.paths.length }))
      .handler(({ detail }, context) => Promise.all(detail.paths.map((path) => context.plume.json(path))));
    expect(await handler(event(GOOD, GOOD, GOOD), lambdaContext())).toHaveLength(3);
    expect(broker.seen).toMatchObject({ reservations: 1, tickets: 3 });
  });

  test('a failure is thrown, so that Lambda invokes again, and the metrics are written all the same', async () => {
    const handler = middy()
      .use(plume<Renamed>(options()))
      .handler(({ detail }, context) => context.plume.json(detail.paths[0] ?? ''));
    await expect(handler(event(BAD), lambdaContext())).rejects.toMatchObject({
      code: 'api_error',
      status: 404,
    });
    expect(broker.seen).toMatchObject({ reservations: 1, tickets: 1, flushes: 1 });
  });
});

test('Step Functions: the task is one piece of work, and its failure has a name to catch', async () => {
  const handler = middy()
    .use(plume<{ path: string }>(options()))
    .handler(({ path }, context) => context.plume.json<{ ok: boolean }>(path));
  expect(await handler({ path: GOOD }, lambdaContext())).toMatchObject({ ok: true });
  expect(broker.seen).toMatchObject({ reservations: 1, tickets: 1 });
  // Lambda reports the name as `errorType`, which `ErrorEquals` is compared with.
  await expect(handler({ path: BAD }, lambdaContext())).rejects.toMatchObject({ name: 'ApiError' });
});

describe('API Gateway', () => {
  const unavailable = (error: unknown) => {
    if (!isPlumeError(error) || error.retryAtMs === undefined) throw error;
    const seconds = Math.max(1, Math.ceil((error.retryAtMs - Date.now()) / 1000));
    return { statusCode: 503, headers: { 'retry-after': String(seconds) }, body: JSON.stringify(error) };
  };

  test('REST APIs: the answer is passed on', async () => {
    const handler = middy()
      .use(plume<APIGatewayProxyEvent>({ ...options(), maxWaitMs: 5_000 }))
      .handler(async ({ path, queryStringParameters }, context): Promise<APIGatewayProxyResult> => {
        const query = queryStringParameters ?? {};
        const answer = await context.plume.json(path, { query });
        return { statusCode: 200, body: JSON.stringify(answer) };
      });
    const event = { path: GOOD, queryStringParameters: { limit: '10' } } as Partial<APIGatewayProxyEvent>;
    const { statusCode, body } = await handler(event as APIGatewayProxyEvent, lambdaContext());
    expect([statusCode, JSON.parse(body)]).toEqual([
      200,
      { ok: true, method: 'GET', path: `${GOOD}?limit=10` },
    ]);
    expect(broker.seen).toMatchObject({ reservations: 1, tickets: 1 });
  });

  test('HTTP APIs: what passes by itself becomes 503 with the time to come back', async () => {
    const other = await startCloudBroker();
    try {
      const handler = middy()
        .use(plume<APIGatewayProxyEventV2>({ client: 'mocha', broker: other.caller(), maxWaitMs: 5_000 }))
        .handler(
          ({ rawPath }, context): Promise<APIGatewayProxyStructuredResultV2> =>
            context.plume
              .json(rawPath)
              .then((answer) => ({ statusCode: 200, body: JSON.stringify(answer) }), unavailable),
        );
      const event = { rawPath: GOOD } as APIGatewayProxyEventV2;
      expect(await handler(event, lambdaContext())).toMatchObject({ statusCode: 200 });
      other.cloud.block(60_000);
      const codes: string[] = [];
      while (codes.at(-1) !== 'budget_blocked') {
        const { statusCode, headers, body } = await handler(event, lambdaContext());
        codes.push(JSON.parse(body ?? '').code);
        expect(statusCode).toBe(503);
        expect(Number(headers?.['retry-after'])).toBeGreaterThan(0);
        expect(Number(headers?.['retry-after'])).toBeLessThanOrEqual(61);
      }
      expect(codes[0]).toBe('waf_blocked');
    } finally {
      await other.stop();
    }
  });
});

test('whatever the source, nobody waits longer than the invocation lasts', async () => {
  const handler = middy()
    .use(plume<SQSEvent>(options()))
    .handler(({ Records }, context) => Promise.all(Records.map(({ body }) => context.plume.json(body))));
  await expect(handler(sqsEvent(GOOD), lambdaContext(400))).rejects.toMatchObject({
    code: 'invocation_over',
    client: 'mocha',
  });
});
