import { getEventListeners } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { Agent, buildConnector } from 'undici';
import { afterEach, describe, expect, test } from 'vitest';

import { apiRequest } from '../../../lib/plume/api-request.ts';
import { NotSentError, send } from '../../../lib/plume/send.ts';
import { expectSend } from '../../../lib/plume/send-guard.ts';

const TOKEN = 'MARKER-token';
let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function listen(listener: RequestListener): Promise<URL> {
  const started = createServer(listener);
  server = started;
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve));
  return new URL(`http://127.0.0.1:${(started.address() as AddressInfo).port}`);
}

function attempt(
  base: URL,
  init: RequestInit = {},
  options: { signal?: AbortSignal; timeoutMs?: number; mayLeave?: boolean } = {},
) {
  const { signal = new AbortController().signal, timeoutMs = 5_000, mayLeave = true } = options;
  const request = apiRequest('mocha', base, '/v1/x?secret=MARKER', init);
  const permit = { isValid: () => mayLeave };
  return send({
    client: 'mocha',
    request,
    permit,
    authorization: `Bearer ${TOKEN}`,
    fetch,
    timeoutMs,
    signal,
  });
}

async function failure(promise: Promise<unknown>): Promise<Error & { code?: string; reason?: string }> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(Error);
  expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('MARKER');
  return error as Error;
}

test("adds the token and keeps the caller's headers", async () => {
  const base = await listen((request, response) => response.end(JSON.stringify(request.headers)));
  const response = await attempt(base, { headers: { 'x-request-id': '7', authorization: 'mine' } });
  expect(await response.json()).toMatchObject({ authorization: `Bearer ${TOKEN}`, 'x-request-id': '7' });
});

test('does not follow a redirect', async () => {
  let calls = 0;
  const base = await listen((_, response) => {
    calls += 1;
    response.writeHead(302, { location: '/elsewhere' }).end();
  });
  expect((await attempt(base)).status).toBe(302);
  expect(calls).toBe(1);
});

test.each(['GET', 'POST'])('does not send a %s again that is answered 421', async (method) => {
  let calls = 0;
  const base = await listen((_, response) => {
    calls += 1;
    response.writeHead(421).end();
  });
  const init = { method, ...(method === 'POST' && { body: 'x' }) };
  const error = await failure(attempt(base, init));
  expect(error).toMatchObject({ code: 'api_unreachable', reason: 'SECOND_REQUEST' });
  expect(calls).toBe(1);
});

test('sends nothing once the ticket has expired', async () => {
  let calls = 0;
  const base = await listen((_, response) => {
    calls += 1;
    response.end();
  });
  await expect(attempt(base, {}, { mayLeave: false })).rejects.toBeInstanceOf(NotSentError);
  expect(calls).toBe(0);
});

describe('no response', () => {
  test('refused', async () => {
    const base = await listen(() => {});
    await new Promise((resolve) => server?.close(resolve));
    expect(await failure(attempt(base))).toMatchObject({ code: 'api_unreachable', reason: 'ECONNREFUSED' });
  });

  test('cut', async () => {
    const base = await listen((request) => request.socket.destroy());
    expect(await failure(attempt(base))).toMatchObject({ code: 'api_unreachable' });
  });

  test('in time', async () => {
    const base = await listen(() => {});
    const error = await failure(attempt(base, {}, { timeoutMs: 20 }));
    expect(error).toMatchObject({ code: 'api_unreachable', reason: 'timeout', client: 'mocha' });
    expect(error.message).toContain('GET /v1/x of client mocha');
  });
});

test('the time-out is for the head of the answer: a long body may take longer', async () => {
  const base = await listen((_, response) => {
    response.writeHead(200).write('first ');
    setTimeout(() => response.end('last'), 1_600);
  });
  expect(await (await attempt(base, {}, { timeoutMs: 1_500 })).text()).toBe('first last');
});

test("an abort is the caller's own, with the caller's own reason", async () => {
  const base = await listen(() => {});
  const reason = new Error('enough');
  const controller = new AbortController();
  const pending = attempt(base, {}, { signal: controller.signal });
  controller.abort(reason);
  await expect(pending).rejects.toBe(reason);
});

test('options that fetch refuses are the fault of the call, not of the network', async () => {
  const base = await listen((_, response) => response.end());
  const notSent = (code: string) => {
    throw Object.assign(new Error('MARKER'), { code });
  };
  const refused = [
    { method: 'GET', body: 'MARKER' },
    { method: 'TRACE' },
    { dispatcher: { dispatch: () => notSent('UND_ERR_INVALID_ARG') } },
    { dispatcher: { dispatch: () => notSent('UND_ERR_NOT_SUPPORTED') } },
  ] as RequestInit[];
  for (const init of refused)
    expect(await failure((async () => attempt(base, init))())).toMatchObject({ code: 'request_refused' });
});

describe('an invocation keeps of a call what its end must still reach', () => {
  const kept = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;

  test.each(['text', 'cancel'] as const)(
    'an answer until it has come whole or is dropped: %s',
    async (end) => {
      let finish = (): void => {};
      const base = await listen((_, response) => {
        response.write('{');
        finish = () => response.end('}');
      });
      const { signal } = new AbortController();
      const response = await attempt(base, {}, { signal });
      expect(kept(signal)).toBe(1);
      if (end === 'text') finish();
      await (end === 'text' ? response.text() : response.body?.cancel());
      await expect.poll(() => kept(signal)).toBe(0);
    },
  );

  test('nothing of an answer without a body, and of a call that failed', async () => {
    const { signal } = new AbortController();
    const empty = await listen((_, response) => response.writeHead(204).end());
    await attempt(empty, {}, { signal });
    expect(kept(signal)).toBe(0);
    server?.closeAllConnections();
    server?.close();
    await failure(attempt(empty, {}, { signal }));
    expect(kept(signal)).toBe(0);
  });
});

test('a call that ends twice takes nothing from another with the same token', async () => {
  const base = await listen((_, response) => response.end('ok'));
  const [one, other] = [expectSend('Bearer twice', () => true), expectSend('Bearer twice', () => true)];
  one.over();
  one.over();
  const get = () => fetch(base, { headers: { authorization: 'Bearer twice' } });
  expect(await (await get()).text()).toBe('ok');
  await expect(get()).rejects.toThrow('fetch failed');
  other.over();
});

test('a request that is written later than its dispatcher said is stopped if its ticket has expired by then', async () => {
  const base = await listen((_, response) => response.end('ok'));
  let isValid = true;
  const [late, other] = [expectSend('Bearer late', () => isValid), expectSend('Bearer late', () => true)];
  expect(late.mayLeave()).toBe(true);
  isValid = false;
  await expect(fetch(base, { headers: { authorization: 'Bearer late' } })).rejects.toThrow('fetch failed');
  late.over();
  expect(other.mayLeave()).toBe(true);
  other.over();
});

test('a call that waits for its connection is not stopped because others with its token came and went', async () => {
  const base = await listen((_, response) => response.end('ok'));
  const released = Promise.withResolvers<void>();
  const connect = buildConnector({});
  const slow = new Agent({
    connect: (options, callback) => void released.promise.then(() => connect(options, callback)),
  });
  const waiting = attempt(base, { dispatcher: slow } as unknown as RequestInit);
  for (let call = 0; call < 3; call += 1) expect(await (await attempt(base)).text()).toBe('ok');
  released.resolve();
  expect(await (await waiting).text()).toBe('ok');
  await slow.close();
});
