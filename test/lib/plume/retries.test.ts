import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { PlumeError } from '../../../lib/errors.ts';
import { systemClock } from '../../../lib/platform/clock.ts';
import type { Session } from '../../../lib/plume/broker.ts';
import { createMemoryBroker, type MemoryBroker } from '../../fixtures/memory.ts';
import { openBudget } from '../../fixtures/open-budget.ts';

/** `fetch` and `json` with what they add to the platform's, against a server that answers as it is told. */

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

let broker: MemoryBroker;
/** The answers of the next calls; the last one stays. */
let answers: Answer[];
let calls: string[];
let bodies: string[];
let waitsMs: number[];
let tokens = 0;

const server = createServer(async (request, response) => {
  const chunks: Buffer[] = await request.toArray();
  const body = Buffer.concat(chunks).toString();
  calls.push(`${request.method} ${request.url}`);
  bodies.push(body);
  const answer = answers.length > 1 ? answers.shift() : answers[0];
  answer?.(request, response, body);
});

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  broker = await createMemoryBroker(`http://127.0.0.1:${port}/`, async () => `MARKER-${tokens++}`);
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  answers = [ok];
  calls = [];
  bodies = [];
  waitsMs = [];
});

const status =
  (code: number, headers: Record<string, string> = {}): Answer =>
  (_, response) =>
    response.writeHead(code, { 'content-type': 'application/json', ...headers }).end('{"secret":"MARKER"}');
const ok: Answer = (_, response) =>
  response.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":true}');
const cut: Answer = (request) => request.socket.destroy();
const stream = (): RequestInit =>
  ({ method: 'PUT', body: new Blob(['x']).stream(), duplex: 'half' }) as RequestInit;

/** Waits between attempts are noted and take no time; chance is always one half. */
function open(patienceMs = 60_000, retry?: { limit: number }): Session {
  const clock = {
    now: systemClock.now,
    sleep: async (ms: number) => {
      waitsMs.push(ms);
    },
  };
  const caller = broker.caller({ clock, random: () => 0.5, timeoutMs: 60_000 });
  return caller.open({
    client: 'mocha',
    patienceMs: () => patienceMs,
    endsInMs: Number.POSITIVE_INFINITY,
    retry,
  });
}

/** The error, in which there is nothing that should not be. */
async function failure(call: Promise<unknown>): Promise<PlumeError> {
  const error = await call.then(
    () => expect.fail('it did not fail'),
    (thrown: unknown) => thrown,
  );
  expect(inspect(error, { depth: 9, showHidden: true }) + JSON.stringify(error)).not.toContain('MARKER');
  return error as PlumeError;
}

describe('a retry', () => {
  test('is not made unless it is asked for', async () => {
    answers = [status(503)];
    expect((await open().fetch('/v1')).status).toBe(503);
    expect(calls).toHaveLength(1);
  });

  test('waits longer each time, takes a ticket each time, and ends with the answer', async () => {
    answers = [status(503), status(500), cut, ok];
    const before = broker.seen.tickets;
    const response = await open().fetch('/v1', { retry: { limit: 3 } });
    expect(await response.json()).toEqual({ ok: true });
    expect(calls).toHaveLength(4);
    expect(waitsMs).toEqual([250, 500, 1_000]);
    expect(broker.seen.tickets - before).toBe(4);
  });

  test('sends the whole body again', async () => {
    answers = [status(503), ok];
    await open().fetch('/v1', { method: 'PUT', json: { name: 'Ljubljana' }, retry: { limit: 1 } });
    expect(bodies).toEqual(['{"name":"Ljubljana"}', '{"name":"Ljubljana"}']);
  });

  test('that fails as well is the answer, or the error', async () => {
    answers = [status(503)];
    expect((await open(60_000, { limit: 2 }).fetch('/v1')).status).toBe(503);
    expect(calls).toHaveLength(3);
    answers = [cut];
    expect(await failure(open(60_000, { limit: 1 }).fetch('/v1'))).toMatchObject({ code: 'api_unreachable' });
    expect(calls).toHaveLength(5);
  });

  test("is the call's own choice before that of all calls", async () => {
    answers = [status(503)];
    await open(60_000, { limit: 2 }).fetch('/v1', { retry: { limit: 0 } });
    expect(calls).toHaveLength(1);
  });

  test('waits as long as the server asks', async () => {
    answers = [status(429, { 'retry-after': '3' }), ok];
    expect((await open().fetch('/v1', { retry: { limit: 1 } })).status).toBe(200);
    expect(waitsMs).toEqual([3_250]);
  });

  test('is not made if the server asks for more time than there is', async () => {
    answers = [status(429, { 'retry-after': '3' })];
    expect((await open(3_000).fetch('/v1', { retry: { limit: 1 } })).status).toBe(429);
    expect(calls).toHaveLength(1);
  });

  test('is not made of a POST, unless it is named', async () => {
    answers = [status(503)];
    await open().fetch('/v1', { method: 'POST', json: 1, retry: { limit: 1 } });
    expect(calls).toHaveLength(1);
    await open().fetch('/v1', { method: 'POST', json: 1, retry: { limit: 1, methods: ['POST'] } });
    expect(calls).toHaveLength(3);
  });

  test('of a body that was a stream is refused', async () => {
    answers = [status(503, { 'x-request-id': 'b7' })];
    const error = await failure(open().fetch('/v1/x?q=MARKER', { ...stream(), retry: { limit: 1 } }));
    expect(error).toMatchObject({ code: 'request_not_repeatable', client: 'mocha' });
    expect(error.message).toContain('PUT /v1/x of client mocha was answered 503 (request id b7)');
    expect(calls).toHaveLength(1);
  });

  test("is never made of the WAF's 403", async () => {
    const html: Answer = (_, response) => response.writeHead(403, { 'content-type': 'text/html' }).end('<');
    answers = [html];
    // Nobody else is to be stopped by it.
    const budget = openBudget();
    const caller = broker.caller({ budget });
    const session = caller.open({ client: 'mocha', patienceMs: () => 1_000, endsInMs: Infinity });
    expect(await failure(session.fetch('/v1', { retry: { limit: 3 } }))).toMatchObject({
      code: 'waf_blocked',
    });
    expect(calls).toHaveLength(1);
  });

  test('follows the one that a rejected token costs, and does not replace it', async () => {
    answers = [status(503), status(401), ok];
    expect((await open().fetch('/v1', { retry: { limit: 1 } })).status).toBe(200);
    expect(calls).toHaveLength(3);
  });

  test("ends with the caller's signal", async () => {
    answers = [status(503)];
    const abort = new AbortController();
    const clock = { now: systemClock.now, sleep: systemClock.sleep };
    const session = broker
      .caller({ clock, random: () => 0.99 })
      .open({ client: 'mocha', patienceMs: () => 60_000, endsInMs: Infinity });
    const call = session.fetch('/v1', { signal: abort.signal, retry: { limit: 10 } });
    const ended = expect(call).rejects.toThrow('enough');
    await expect.poll(() => calls.length).toBe(1);
    abort.abort(new Error('enough'));
    await ended;
    expect(calls).toHaveLength(1);
  });
});

test('the end of the invocation is not waited for with a retry: whether the call was acted on is not known', async () => {
  const arrived = Promise.withResolvers<void>();
  answers = [() => arrived.resolve()];
  // The invocation ends when the call has reached the server.
  const clock = { now: systemClock.now, sleep: () => arrived.promise };
  const session = broker.caller({ clock }).open({ client: 'mocha', patienceMs: () => 60_000, endsInMs: 300 });
  const call = session.fetch('/v1', { retry: { limit: 3 } });
  expect(await failure(call)).toMatchObject({ code: 'api_unreachable', reason: 'invocation over' });
  expect(calls).toHaveLength(1);
});

describe('json', () => {
  test('is the parsed answer, which it asks for', async () => {
    let accept: string | undefined;
    answers = [
      (request, response) => {
        accept = request.headers.accept;
        response.end('[1]');
      },
    ];
    expect(await open().json<number[]>('/v1', { query: { limit: 10 } })).toEqual([1]);
    expect(calls).toEqual(['GET /v1?limit=10']);
    expect(accept).toBe('application/json');
  });

  test.each([204, 200])('is undefined for an empty answer: %i', async (code) => {
    answers = [(_, response) => response.writeHead(code).end()];
    expect(await open().json('/v1', { method: 'DELETE' })).toBeUndefined();
  });

  test.each([302, 400, 404, 503])('throws an answer of status %i, by its request id', async (code) => {
    answers = [status(code, { 'x-amzn-requestid': '059f36b4-87a3', 'x-other': 'MARKER' })];
    const error = await failure(open().json('/v1/x?email=MARKER'));
    expect(error).toMatchObject({
      code: 'api_error',
      client: 'mocha',
      method: 'GET',
      path: '/v1/x',
      status: code,
      requestId: '059f36b4-87a3',
    });
    expect(error.message).toContain(
      `GET /v1/x of client mocha was answered ${code} (request id 059f36b4-87a3)`,
    );
  });

  test('says when to come back, if the API does', async () => {
    answers = [status(429, { 'retry-after': '60' })];
    const before = Date.now();
    const { retryAtMs = 0 } = await failure(open().json('/v1'));
    expect(retryAtMs).toBeGreaterThanOrEqual(before + 60_000);
    expect(retryAtMs).toBeLessThanOrEqual(Date.now() + 60_000);
  });

  test('throws an answer that is no JSON, without repeating it', async () => {
    answers = [(_, response) => response.end('<MARKER>')];
    const error = await failure(open().json('/v1'));
    expect(error).toMatchObject({ code: 'api_error', status: 200 });
    expect(error.message).toContain('its body is not JSON');
  });

  test.each([
    ['the token', (token: string) => token],
    ['a part of the token', (token: string) => token.slice(0, 4)],
    ['more than the token', (token: string) => `id-${token}`],
    ['a text', () => 'what is MARKER doing here'],
    ['too much', () => 'MARKER'.repeat(20)],
  ])('does not take %s for a request id', async (_, idOf) => {
    answers = [
      (request, response) => {
        const token = request.headers.authorization?.replace('Bearer ', '') ?? '';
        response.writeHead(404, { 'x-request-id': idOf(token) }).end();
      },
    ];
    const error = await failure(open().json('/v1'));
    expect(error.code).toBe('api_error');
    expect(error).not.toHaveProperty('requestId');
  });

  test('throws a connection that breaks in the middle', async () => {
    answers = [
      (request, response) => {
        response
          .writeHead(200, { 'content-length': '100' })
          .write('{"half":"MARKER', () => request.socket.destroy());
      },
    ];
    const error = await failure(open().json('/v1'));
    expect(error).toMatchObject({ code: 'api_unreachable', client: 'mocha' });
  });

  test('is ended by the signal while it reads', async () => {
    answers = [(_, response) => response.writeHead(200).write('{"half":')];
    const abort = new AbortController();
    const call = open().json('/v1', { signal: abort.signal });
    const ended = expect(call).rejects.toThrow('enough');
    await expect.poll(() => calls.length).toBe(1);
    await systemClock.sleep(20);
    abort.abort(new Error('enough'));
    await ended;
  });
});

test.each<[string, (session: Session) => Promise<unknown>]>([
  ['is tried again', (session) => session.fetch('/v1', { retry: { limit: 1 } })],
  ['json throws', (session) => session.json('/v1')],
])('an answer that %s is not left open', async (_, call) => {
  let isClosed = false;
  answers = [
    (_request, response) => {
      response.on('close', () => {
        isClosed = true;
      });
      response.writeHead(503).write('<');
    },
    ok,
  ];
  await call(open()).catch(() => {});
  await expect.poll(() => isClosed).toBe(true);
});

test('each call may have a time-out of its own, for each of its attempts', async () => {
  answers = [() => {}, ok];
  const response = await open().fetch('/v1', { timeoutMs: 1_500, retry: { limit: 1 } });
  expect(response.status).toBe(200);
  answers = [() => {}];
  expect(await failure(open().fetch('/v1', { timeoutMs: 50 }))).toMatchObject({ reason: 'timeout' });
});
