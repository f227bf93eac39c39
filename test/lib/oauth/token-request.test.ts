import { describe, expect, test } from 'vitest';

import { PlumeError } from '../../../lib/errors.ts';
import { requestToken } from '../../../lib/oauth/token-request.ts';
import { expectNoTrace, silentError } from '../../fixtures/leaks.ts';
import { VENDOR } from '../../fixtures/vendor-document.ts';
import { answering, credentialsFor, depsWith, NOW_MS, SECRETS, TOKEN } from './support.ts';

const credentials = credentialsFor();
const grant = { access_token: TOKEN, token_type: 'Bearer', expires_in: 1800, scope: 'granted' };

function jwt(payload: unknown): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none' })}.${part(payload)}.c2ln`;
}

test('the request is what the vendor document describes', async () => {
  let sent: [url: string, init: RequestInit] | undefined;
  await requestToken(
    credentials,
    depsWith({
      fetch: async (url, init = {}) => {
        sent = [String(url), init];
        return Response.json(grant);
      },
    }),
  );
  const [url, init] = sent ?? [];
  expect(url).toBe(VENDOR.tokenUrl);
  expect(init).toMatchObject({ method: 'POST', redirect: 'manual' });
  expect(new Headers(init?.headers).get('authorization')).toBe(credentials.authorization);
  expect(new Headers(init?.headers).get('content-type')).toMatch(/^application\/x-www-form-urlencoded/);
  expect(Object.fromEntries(init?.body as URLSearchParams)).toEqual({
    grant_type: 'client_credentials',
    scope: VENDOR.scope,
  });
});

describe('a grant', () => {
  test('of the vendor document is read: expires_in and exp', async () => {
    const { accessToken } = VENDOR;
    const answer = { ...grant, access_token: accessToken };
    const granted = await requestToken(credentials, answering(answer));
    expect(granted).toEqual({
      requestedAtMs: NOW_MS,
      expiresInSeconds: 1800,
      jwtExpSeconds: VENDOR.jwtExpSeconds,
      unread: [],
      scope: 'granted',
    });
    expect(granted.accessToken).toBe(accessToken);
    expect(new Date(VENDOR.jwtExpSeconds * 1000).toISOString()).toBe('2023-12-22T21:19:01.000Z');
    expect(JSON.stringify(granted)).not.toContain(accessToken);
  });

  test.each<[string, object, object]>([
    ['expires_in as a string', { expires_in: '600' }, { expiresInSeconds: 600 }],
    ['expires_in between spaces', { expires_in: ' 1800 ' }, { expiresInSeconds: 1800 }],
    ['expires_in with its unit', { expires_in: '1800s' }, { expiresInSeconds: 1800 }],
    ['no expires_in', { expires_in: undefined }, {}],
    ['expires_in of null', { expires_in: null }, {}],
    ['exp as a string', { access_token: jwt({ exp: '1703279941' }) }, { jwtExpSeconds: 1703279941 }],
    ['exp with a fraction', { access_token: jwt({ exp: 1703279941.5 }) }, { jwtExpSeconds: 1703279941.5 }],
    ['a JWT without exp', { access_token: jwt({}) }, {}],
    ['an encrypted JWT', { access_token: 'a.b.c.d.e' }, {}],
    ['a token type in capitals', { token_type: 'BEARER' }, {}],
    ['members that nobody needs', { refresh_token: null, id_token: 'no JWT', error: 'none' }, {}],
  ])('%s', async (_, change, expected) => {
    const { expiresInSeconds, jwtExpSeconds } = await requestToken(
      credentials,
      answering({ ...grant, expires_in: undefined, ...change }),
    );
    expect({ expiresInSeconds, jwtExpSeconds }).toEqual(expected);
  });

  test.each<[string, object, 'expires_in' | 'exp']>([
    ['a negative expires_in', { expires_in: -1 }, 'expires_in'],
    ['an expires_in of zero', { expires_in: 0 }, 'expires_in'],
    ['an empty expires_in', { expires_in: '' }, 'expires_in'],
    ['an expires_in of words', { expires_in: 'soon' }, 'expires_in'],
    ['an expires_in that begins with a number', { expires_in: '1800abc' }, 'expires_in'],
    ['an expires_in in an array', { expires_in: [1800] }, 'expires_in'],
    ['a negative expires_in as a string', { expires_in: '-1' }, 'expires_in'],
    ['an exp of words', { access_token: jwt({ exp: 'tomorrow' }), expires_in: null }, 'exp'],
    ['an exp in milliseconds', { access_token: jwt({ exp: 1703279941000 }), expires_in: null }, 'exp'],
    ['a negative exp', { access_token: jwt({ exp: -1 }), expires_in: null }, 'exp'],
  ])('with %s is used without that source', async (_, change, source) => {
    const granted = await requestToken(credentials, answering({ ...grant, ...change }));
    expect(granted.unread).toEqual([source]);
    expect([granted.expiresInSeconds, granted.jwtExpSeconds]).toEqual([undefined, undefined]);
  });

  test('with an infinite expires_in is used without it', async () => {
    const granted = await requestToken(
      credentials,
      answering(JSON.stringify(grant).replace('1800', '1e999')),
    );
    expect(granted.unread).toEqual(['expires_in']);
  });

  test.each([
    ['null', null, undefined],
    ['a list', ['a', 'b'], 'a b'],
    ['a number', 7, undefined],
  ])('whose scope is %s is used', async (_, scope, expected) => {
    expect((await requestToken(credentials, answering({ ...grant, scope }))).scope).toBe(expected);
  });

  test.each([201, 203])('with status %i is used', async (status) => {
    expect((await requestToken(credentials, answering(grant, { status }))).accessToken).toBe(TOKEN);
  });

  test('counts from the moment it was sent, not from when it was asked for', async () => {
    let nowMs = NOW_MS;
    const { requestedAtMs } = await requestToken(credentials, {
      ...answering(grant),
      now: () => nowMs,
      timeoutMs: 50,
      attempt: async (send) => {
        // Waiting for a ticket, longer than the request itself may take.
        await new Promise((resolve) => setTimeout(resolve, 100));
        nowMs += 9_000;
        const response = await send();
        nowMs += 1_000;
        return response;
      },
    });
    expect(requestedAtMs).toBe(NOW_MS + 9_000);
  });
});

test.each<[string, unknown]>([
  ['no token', { ...grant, access_token: undefined, echo: TOKEN }],
  ['an empty token', { ...grant, access_token: '' }],
  ['a token that is no string', { ...grant, access_token: { TOKEN } }],
  ['a token that would break a header', { ...grant, access_token: `${TOKEN}\r\nx: y` }],
  ['no token type', { ...grant, token_type: undefined }],
  ['another token type', { ...grant, token_type: 'mac' }],
  ['a DPoP token', { ...grant, token_type: 'DPoP' }],
  ['half of the JSON', JSON.stringify(grant).slice(0, -10)],
  ['a JSON array', [grant]],
  ['a JSON string', JSON.stringify(TOKEN)],
  ['nothing', ''],
])('%s makes the response invalid', async (_, body) => {
  const error = await silentError(() => requestToken(credentials, answering(body)), SECRETS);
  expect(error).toMatchObject({ code: 'oauth_response_invalid', client: 'mocha', status: 200 });
});

test("errors of this library pass through, the budget's say", async () => {
  const refused = new PlumeError('budget_exhausted', 'later', { retryAtMs: 1 });
  const attempt = () => Promise.reject(refused);
  await expect(requestToken(credentials, depsWith({ attempt }))).rejects.toBe(refused);
  await expect(requestToken(credentials, depsWith({ fetch: attempt }))).rejects.toBe(refused);
});

test('a grant shows its token nowhere', async () => {
  const granted = await requestToken(credentials, answering(grant));
  expectNoTrace(JSON.stringify(granted), [TOKEN]);
  expectNoTrace({ ...granted }, [TOKEN]);
});
