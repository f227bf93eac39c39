import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { apiRequest } from '../../../lib/plume/api-request.ts';
import type { Query } from '../../../lib/plume/query.ts';
import type { PlumeRequestInit } from '../../../lib/plume/request-init.ts';

const base = new URL('https://api.plume.example/partners/');
const request = (input: string | URL, init?: PlumeRequestInit) => apiRequest('mocha', base, input, init);

describe('a URL', () => {
  test.each([
    ['/v1/locations', 'https://api.plume.example/v1/locations'],
    ['v1/locations?q=1', 'https://api.plume.example/partners/v1/locations?q=1'],
    ['https://api.plume.example/v2', 'https://api.plume.example/v2'],
    [new URL('https://api.plume.example/v2'), 'https://api.plume.example/v2'],
  ])('%s goes to %s', (input, url) => {
    expect(request(input).url.href).toBe(url);
  });

  test.each([
    ['https://evil.example/v1', 'it goes to https://evil.example'],
    ['//evil.example/v1', 'it goes to https://evil.example'],
    ['\\\\evil.example/v1', 'it goes to https://evil.example'],
    ['http://api.plume.example/v1', 'it goes to http://api.plume.example'],
    ['https://api.plume.example:444/v1', 'it goes to https://api.plume.example:444'],
    ['https://user:MARKER@api.plume.example/', 'a user name or a password'],
    ['https://', 'neither a path nor a URL'],
  ])('%s is refused: the token is for one origin alone', (input, rule) => {
    expect(() => request(input)).toThrow(rule);
    expect(() => request(input)).toThrow(
      expect.objectContaining({
        code: 'request_refused',
        client: 'mocha',
        message: expect.not.stringContaining('MARKER'),
      }),
    );
  });

  test('none of any kind leaves the origin', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.webUrl(), fc.webPath()), (input) => {
        try {
          expect(request(input).url.origin).toBe(base.origin);
        } catch (error) {
          expect(error).toMatchObject({ code: 'request_refused' });
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('the rest of the request', () => {
  test('messages get the method and the path, not the query', () => {
    expect(request('/v1/x?email=a@b.example', { method: 'delete' })).toMatchObject({
      method: 'DELETE',
      path: '/v1/x',
    });
    expect(request('/v1/x').method).toBe('GET');
  });

  test('redirects are never followed', () => {
    expect(request('/v1', { redirect: 'follow' }).init.redirect).toBe('manual');
  });

  test('headers that are none are refused without being repeated', () => {
    expect(() => request('/v1', { headers: { 'x-api-key': 'MARKER\n' + 'MARKER' } })).toThrow(
      'its headers are not valid',
    );
    expect(() => request('/v1', { headers: { 'x y': 'MARKER' } })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('MARKER') }),
    );
  });

  test.each([
    'Connection',
    'Content-Length',
    'Expect',
    'Host',
    'Keep-Alive',
    'Proxy-Authorization',
    'Proxy-Connection',
    'TE',
    'Trailer',
    'Transfer-Encoding',
    'Upgrade',
  ])('the header %s, as copied from an event, is refused by name', (name) => {
    expect(() => request('/v1', { headers: { [name]: 'MARKER', accept: '*/*' } })).toThrow(
      expect.objectContaining({
        code: 'request_refused',
        message: expect.stringMatching(new RegExp(`${name.toLowerCase()}(?!.*MARKER)`)),
      }),
    );
  });

  test.each([null, undefined])('options that are %s are none, as for fetch', (init) => {
    expect(apiRequest('mocha', base, '/v1', init)).toMatchObject({ method: 'GET' });
    expect(request('/v1', { headers: null as never, method: undefined as never })).toMatchObject({
      method: 'GET',
    });
  });

  test.each([
    ['nothing', undefined, true],
    ['a string', 'x', true],
    ['bytes', new Uint8Array(1), true],
    ['a form', new URLSearchParams('a=1'), true],
    ['a blob', new Blob(['x']), true],
    ['a web stream', new Blob(['x']).stream(), false],
    ['a node stream', Readable.from(['x']) as unknown as ReadableStream, false],
  ])('%s as a body: can be sent twice', (_, body, repeatable) => {
    expect(request('/v1', { method: 'POST', body: body ?? null }).repeatable).toBe(repeatable);
  });
});

describe('a query', () => {
  test.each<[input: string, query: Query, search: string]>([
    ['/v1', { limit: 10, active: true, name: 'a b&c' }, '?limit=10&active=true&name=a+b%26c'],
    ['/v1', { left: undefined, kept: '' }, '?kept='],
    ['/v1', { id: [1, 2] }, '?id=1&id=2'],
    ['/v1', { id: [] }, ''],
    ['/v1', {}, ''],
    ['/v1', new URLSearchParams('a=1&a=2'), '?a=1&a=2'],
    ['/v1?q=a%20b', { page: 2 }, '?q=a%20b&page=2'],
    ['/v1?q=1#part', { page: 2 }, '?q=1&page=2'],
  ])('%s and %j', (input, query, search) => {
    expect(request(input, { query }).url.search).toBe(search);
  });

  test.each<[unknown]>([
    [null],
    ['a=1'],
    [['a', 'b']],
    [{ a: null }],
    [{ a: { b: 'MARKER' } }],
    [{ a: new Date(0) }],
    [{ a: Number.NaN }],
    [{ a: ['x', Symbol('MARKER')] }],
    [{ a: () => 'MARKER' }],
  ])('without a text is refused: %o', (query) => {
    expect(() => request('/v1', { query: query as Query })).toThrow(
      expect.objectContaining({
        code: 'request_refused',
        message: expect.stringMatching(/option query must(?!.*MARKER)/),
      }),
    );
  });

  test('of any kind arrives as it was given, and goes nowhere else', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.string()), (query) => {
        const { url } = request('/v1', { query });
        expect([...url.searchParams]).toEqual([...new URLSearchParams(Object.entries(query))]);
        expect(url.origin + url.pathname).toBe('https://api.plume.example/v1');
      }),
    );
  });
});

describe('json', () => {
  test('is the body, and says what it is', async () => {
    const { init, headers, repeatable } = request('/v1', { method: 'POST', json: { a: [1, null] } });
    expect([init.body, headers['content-type'], repeatable]).toEqual([
      '{"a":[1,null]}',
      'application/json',
      true,
    ]);
  });

  test("leaves the caller's content type as it is", () => {
    const { headers } = request('/v1', {
      method: 'PATCH',
      json: [],
      headers: { 'Content-Type': 'application/json-patch+json' },
    });
    expect(headers['content-type']).toBe('application/json-patch+json');
  });

  test('that is undefined is no body', () => {
    const { init, headers } = request('/v1', { json: undefined });
    expect([init.body, headers['content-type']]).toEqual([undefined, undefined]);
  });

  test('is none of the options that fetch is given', () => {
    const { init } = request('/v1', { json: 1, query: {}, timeoutMs: 1, retry: { limit: 1 } });
    expect(Object.keys(init).sort()).toEqual(['body', 'redirect']);
  });

  const circular: { self?: object } = {};
  circular.self = circular;
  test.each<[unknown]>([[circular], [{ MARKER: 1n }], [() => 'MARKER'], [Symbol('MARKER')]])(
    'that is none is refused without being repeated',
    (json) => {
      expect(() => request('/v1', { method: 'POST', json })).toThrow(
        expect.objectContaining({ code: 'request_refused', message: expect.not.stringContaining('MARKER') }),
      );
    },
  );

  test('and a body exclude each other', () => {
    const both = { method: 'POST', json: {}, body: '' };
    // @ts-expect-error the types say so too
    expect(() => request('/v1', both)).toThrow('both json and a body');
  });
});

test('a refusal names the call, without its query', () => {
  expect(() => request('/v1/x?email=MARKER', { method: 'put', headers: { 'x y': '' } })).toThrow(
    'PUT /v1/x of client mocha was not sent: its headers are not valid',
  );
});

test.each<[PlumeRequestInit, string]>([
  [{ timeoutMs: 0 }, 'timeoutMs'],
  [{ timeoutMs: Number.NaN }, 'timeoutMs'],
  [{ timeoutMs: 900_001 }, 'timeoutMs'],
  [{ timeoutMs: '5' as never }, 'timeoutMs'],
  [{ retry: { limit: -1 } }, 'retry.limit'],
  [{ retry: null as never }, 'retry must be an object'],
  [{ signal: {} as never }, 'signal'],
  [{ dispatcher: {} } as PlumeRequestInit, 'dispatcher'],
  [3 as never, 'must be an object'],
  [{ retry: { limit: 11 } }, 'retry.limit'],
])('the option %j is refused', (init, name) => {
  expect(() => request('/v1', init)).toThrow(
    expect.objectContaining({ code: 'request_refused', message: expect.stringContaining(name) }),
  );
});
