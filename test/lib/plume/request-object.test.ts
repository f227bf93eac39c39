import { afterAll, beforeAll, expect, test } from 'vitest';

import { createTestBroker, type TestBroker } from '../../../infra/testing/index.ts';
import { createPlume, type PlumeApi } from '../../../lib/index.ts';

/** What the API received: method, path, query, headers and body, whatever the call was given. */
let broker: TestBroker;
let origin: string;
beforeAll(async () => {
  broker = await createTestBroker({
    async respond(request) {
      const { method, url, headers } = request;
      const { pathname, search } = new URL(url);
      origin = new URL(url).origin;
      const { accept, 'content-type': type, 'x-mine': mine } = Object.fromEntries(headers);
      return Response.json({
        method,
        path: pathname + search,
        accept,
        type,
        mine,
        body: await request.text(),
      });
    },
  });
  await call((plume) => plume.json('/v1'));
});
afterAll(() => broker.stop());

const call = <Result>(work: (plume: PlumeApi) => Promise<Result>) =>
  createPlume({ client: 'mocha', broker }).run(work);

const post = (init: RequestInit = {}) =>
  new Request(`${origin}/v1/names?a=1`, {
    method: 'POST',
    headers: { 'x-mine': 'yes', 'content-type': 'text/plain' },
    body: 'Ljubljana',
    ...init,
  });

test('a Request is called as it stands: method, headers and body', async () => {
  expect(await call((plume) => plume.json(post()))).toEqual({
    method: 'POST',
    path: '/v1/names?a=1',
    accept: 'application/json',
    type: 'text/plain',
    mine: 'yes',
    body: 'Ljubljana',
  });
});

test('the options beside a Request come before its own, as in fetch', async () => {
  const init = { method: 'PUT', headers: { 'x-mine': 'no' }, json: { a: 1 }, query: { b: 2 } };
  expect(await call((plume) => plume.json(post(), init))).toMatchObject({
    method: 'PUT',
    path: '/v1/names?a=1&b=2',
    type: 'application/json',
    mine: 'no',
    body: '{"a":1}',
  });
});

test('a Request is sent again with its body after a rejected token', async () => {
  broker.clock.advance(60_000);
  broker.revokeTokens();
  const before = broker.statuses.length;
  expect(await call((plume) => plume.json(post()))).toMatchObject({ body: 'Ljubljana' });
  expect(broker.statuses.slice(before)).toEqual([401, 200]);
});

test('a URL and a Request without a body are called as well', async () => {
  expect(await call((plume) => plume.json(new URL('/v1/x', origin)))).toMatchObject({ path: '/v1/x' });
  expect(await call((plume) => plume.json(new Request(`${origin}/v1/x`)))).toMatchObject({ method: 'GET' });
});

test('a Request whose body has been read is refused before anything is sent', async () => {
  const request = post();
  await request.text();
  const before = broker.statuses.length;
  await expect(call((plume) => plume.fetch(request))).rejects.toMatchObject({ code: 'request_refused' });
  expect(broker.statuses).toHaveLength(before);
});

test('a Request to another origin is refused: the token is for one alone', async () => {
  const request = new Request('https://evil.example/v1', { method: 'POST', body: 'x' });
  await expect(call((plume) => plume.fetch(request))).rejects.toMatchObject({ code: 'request_refused' });
});

test('a Request whose body does not end is given up when its signal or its invocation ends', async () => {
  const endless = () => post({ body: new ReadableStream(), duplex: 'half' } as RequestInit);
  const aborted = new AbortController();
  const given = call((plume) => plume.fetch(endless(), { signal: aborted.signal }));
  aborted.abort(new Error('mine'));
  await expect(given).rejects.toThrow('mine');
  let forgotten: Promise<Response> | undefined;
  await call(async (plume) => {
    forgotten = plume.fetch(endless());
  });
  await expect(forgotten).rejects.toMatchObject({ code: 'session_closed' });
});
