import middy from '@middy/core';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { expect, expectTypeOf, test } from 'vitest';

import {
  createPlume,
  type ErrorCode,
  type ErrorKind,
  isPlumeError,
  type PlumeApi,
  type PlumeRequestInit,
  plume,
  shouldPostpone,
  type WafBlockedError,
} from '../../../lib/index.ts';
import type { WorkerBroker } from '../../../lib/plume/broker.ts';

/** What the compiler infers for users. `npm run types` is the test; what runs here only shows that it is looked at. */

const nobody: WorkerBroker = { open: () => expect.fail('nobody calls here') };
const options = { client: 'mocha', broker: nobody };

test('the context needs no annotation', () => {
  middy<SQSEvent>()
    .use(plume(options))
    .handler(async (event, context) => {
      expectTypeOf(event).toEqualTypeOf<SQSEvent>();
      expectTypeOf(context.plume).toEqualTypeOf<PlumeApi>();
      expectTypeOf(context.awsRequestId).toEqualTypeOf<string>();
      // @ts-expect-error there is nothing else
      void context.plume.get;
    });
});

test('nor does the event, if the middleware is told of it', () => {
  middy()
    .use(plume<SQSEvent>({ ...options, calls: ({ Records }) => Records.length }))
    .handler(async (event, context): Promise<SQSBatchResponse> => {
      expectTypeOf(event).toEqualTypeOf<SQSEvent>();
      expectTypeOf(context.plume.fetch).returns.toEqualTypeOf<Promise<Response>>();
      return { batchItemFailures: [] };
    });
});

test('other middlewares keep what they add', () => {
  const other: middy.MiddlewareObj<unknown, unknown, Error, Context & { tenant: string }> = { before() {} };
  middy()
    .use(other)
    .use(plume(options))
    .handler(async (_event: unknown, context) => {
      expectTypeOf(context.tenant).toEqualTypeOf<string>();
      expectTypeOf(context.plume).toEqualTypeOf<PlumeApi>();
    });
});

test('each of two has its name', () => {
  middy()
    .use(plume(options))
    .use(plume({ ...options, client: 'latte', as: 'latte' }))
    .handler(async (_event: unknown, context) => {
      expectTypeOf(context.plume).toEqualTypeOf<PlumeApi>();
      expectTypeOf(context.latte).toEqualTypeOf<PlumeApi>();
    });
});

test('without the middleware there is no plume', () => {
  middy().handler(async (_event: unknown, context) => {
    // @ts-expect-error nobody added it
    void context.plume;
  });
});

test('calls takes the event that the middleware is told of', () => {
  // @ts-expect-error SQSEvent has Records
  plume<SQSEvent>({ ...options, calls: ({ records }) => records.length });
  // @ts-expect-error the client is required
  expect(() => plume({ broker: nobody })).toThrow();
});

test('json is unknown until somebody says what it is', () => {
  const { run } = createPlume(options);
  const untold = () => run(({ json }) => json('/v1'));
  expectTypeOf(untold).returns.toEqualTypeOf<Promise<unknown>>();
  const told = () => run(({ json }) => json<{ id: number }>('/v1'));
  expectTypeOf(told).returns.toEqualTypeOf<Promise<{ id: number }>>();
});

test('the options are those of fetch, and more', () => {
  expectTypeOf<RequestInit>().toExtend<PlumeRequestInit>();
  expectTypeOf<{ method: 'POST'; json: { a: 1 } }>().toExtend<PlumeRequestInit>();
  expectTypeOf<{ query: { a: string | undefined; b: number[] } }>().toExtend<PlumeRequestInit>();
  expectTypeOf<{ json: object; body: string }>().not.toExtend<PlumeRequestInit>();
  expectTypeOf<{ query: { a: Date } }>().not.toExtend<PlumeRequestInit>();
  expectTypeOf<{ retry: number }>().not.toExtend<PlumeRequestInit>();
  expectTypeOf<PlumeApi['fetch']>().toExtend<
    (input: string | URL | Request, init?: RequestInit) => Promise<Response>
  >();
});

test('an error is known by its code, and has the fields that are documented for it', () => {
  const error: unknown = undefined;
  if (isPlumeError(error)) {
    expectTypeOf(error.code).toExtend<ErrorCode>();
    expectTypeOf(error.retryAtMs).toEqualTypeOf<number | undefined>();
    expectTypeOf(error.kind).toEqualTypeOf<ErrorKind>();
    if (error.code === 'token_unavailable')
      expectTypeOf(error.mintCode).toEqualTypeOf<ErrorCode | undefined>();
    if (error.code === 'api_unreachable') expectTypeOf(error.reason).toEqualTypeOf<string>();
    if (error.code === 'api_error') expectTypeOf(error.status).toEqualTypeOf<number>();
    if (error.code === 'waf_blocked') expectTypeOf(error).toEqualTypeOf<WafBlockedError>();
    if (error.kind === 'give up') expectTypeOf(error.code).toEqualTypeOf<'request_refused'>();
    // @ts-expect-error there is no such code
    void (error.code === 'api_errors');
    // @ts-expect-error only a token that is not available has it
    void error.mintCode;
  }
  if (shouldPostpone(error)) expectTypeOf(error.retryAtMs).toEqualTypeOf<number | undefined>();
});
