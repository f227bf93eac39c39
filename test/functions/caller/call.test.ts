import type { Context } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { call } from '../../../functions/caller/call.ts';
import { failureOf } from '../../../functions/caller/failure.ts';
import { createTestBroker, type TestBroker } from '../../../infra/testing/index.ts';
import { createPlume } from '../../../lib/index.ts';

let broker: TestBroker;
let requests: Request[];
let respond: (request: Request) => Response | Promise<Response>;
beforeEach(async () => {
  requests = [];
  respond = () => new Response(null, { status: 204 });
  broker = await createTestBroker({
    respond(request) {
      requests.push(request.clone());
      return respond(request);
    },
  });
});
afterEach(() => broker.stop());

const context = { getRemainingTimeInMillis: () => 60_000 } as Context;
const invoke = (event: unknown) =>
  call(event, context, {
    client: 'mocha',
    plumeOf: (maxWaitMs = 20_000) => createPlume({ client: 'mocha', broker, maxWaitMs }),
  });
const GET = { method: 'GET', path: '/v1/locations' };

describe('an event', () => {
  test('becomes one call with its query, headers and JSON', async () => {
    await invoke({
      method: 'PUT',
      path: '/v1/locations/7?draft=true',
      query: { tag: ['a', 'b'] },
      headers: { 'If-Match': '"1"' },
      json: { name: 'Maribor' },
    });
    const [request] = requests;
    expect(request?.method).toBe('PUT');
    expect(new URL(request?.url ?? '').search).toBe('?draft=true&tag=a&tag=b');
    expect(request?.headers.get('if-match')).toBe('"1"');
    expect(await request?.json()).toEqual({ name: 'Maribor' });
  });

  test('may have null for what a state machine cannot leave out', async () => {
    expect(await invoke({ ...GET, query: null, headers: null })).toMatchObject({ status: 204 });
  });

  test.each([
    ['text', 'GET /v1/locations', 'the event must be an object'],
    ['null', null, 'the event must be an object'],
    ['a list', [GET], 'the event must be an object'],
    ['without a method', { path: '/v1' }, 'method must be a string'],
    ['without a path', { method: 'GET' }, 'path must begin with one slash'],
    ['for another server', { method: 'GET', path: '//evil.example/v1' }, 'path must begin with one slash'],
    ['with a key that means nothing', { ...GET, body: '{}' }, 'the event has the key body'],
    ['with a list of headers', { ...GET, headers: ['accept'] }, 'headers must be an object'],
    ['with a body that GET does not take', { ...GET, json: {} }, 'GET'],
  ])('%s is refused before anything is sent', async (_, event, rule) => {
    const refused = invoke(event);
    await expect(refused).rejects.toMatchObject({ name: 'RequestRefusedError', code: 'request_refused' });
    await expect(refused).rejects.toThrow(rule);
    expect(requests).toEqual([]);
  });

  test('cannot replace the access token', async () => {
    await invoke({ ...GET, headers: { authorization: 'Bearer mine' } }).catch(() => {});
    expect(requests.filter(({ headers }) => headers.get('authorization') === 'Bearer mine')).toEqual([]);
  });
});

describe('an answer', () => {
  test.each([200, 404, 500])('of status %d is returned', async (status) => {
    respond = () => Response.json({ id: 7 }, { status, headers: { etag: '"1"', 'set-cookie': 'a=b' } });
    expect(await invoke(GET)).toEqual({
      status,
      headers: { 'content-type': 'application/json', etag: '"1"' },
      body: { id: 7 },
    });
  });

  test('that is no JSON is returned as text', async () => {
    respond = () => new Response('a;b');
    expect(await invoke(GET)).toMatchObject({ status: 200, body: 'a;b' });
  });

  test('without a body has none', async () => {
    expect(await invoke(GET)).toEqual({ status: 204, headers: {} });
  });

  test.each([
    ['too long', () => new Response('x'.repeat(6_100_000))],
    ['too long for Lambda once it is JSON', () => new Response('\u0001'.repeat(1_500_000))],
    ['nested too deeply', () => new Response('['.repeat(200_000) + ']'.repeat(200_000))],
  ])('that is %s comes without its body, and the call is not made again', async (_, answer) => {
    respond = answer;
    expect(await invoke(GET)).toMatchObject({ status: 200, bodyOmitted: true });
    expect(requests).toHaveLength(1);
  });

  test('that repeats the access token comes without it', async () => {
    respond = ({ headers }) =>
      Response.json(
        { sent: headers.get('authorization') },
        { headers: { location: `/${headers.get('authorization')}` } },
      );
    const answer = await invoke(GET);
    const token = requests[0]?.headers.get('authorization')?.replace('Bearer ', '') ?? '';
    expect(token.length).toBeGreaterThan(20);
    expect(JSON.stringify(answer)).not.toContain(token);
  });
});

describe('an error', () => {
  test('is known by the name of its class, and its message is JSON with the moment to come back', async () => {
    broker.exhaustBudget(60_000);
    const failure = failureOf(await invoke(GET).catch((error) => error)) as Error;
    expect(failure.name).toBe('BudgetExhaustedError');
    const { retryAt, retryAtMs, ...rest } = JSON.parse(failure.message);
    expect(rest).toMatchObject({ name: 'BudgetExhaustedError', code: 'budget_exhausted' });
    expect(retryAt).toBe(new Date(retryAtMs).toISOString());
    expect(retryAtMs).toBeGreaterThan(broker.clock.now());
  });

  test('comes as soon as the event wants to wait no longer', async () => {
    broker.exhaustBudget(10_000);
    const startedMs = broker.clock.now();
    await expect(invoke({ ...GET, maxWaitMs: 1_000 })).rejects.toMatchObject({ code: 'budget_exhausted' });
    expect(broker.clock.now() - startedMs).toBeLessThan(1_000);
    expect(await invoke(GET)).toMatchObject({ status: 204 });
  });

  test('of a time that is none says so', async () => {
    await expect(invoke({ ...GET, maxWaitMs: 'soon' })).rejects.toMatchObject({ code: 'config_invalid' });
  });

  test("that is not the library's own stays what it is", () => {
    const error = new TypeError('unexpected');
    expect(failureOf(error)).toBe(error);
  });
});
