import { describe, expect, test } from 'vitest';

import type { OAuthError } from '../../../lib/oauth/errors.ts';
import { introspect } from '../../../lib/oauth/introspection-request.ts';
import { requestToken } from '../../../lib/oauth/token-request.ts';
import { retryAfterMs } from '../../../lib/platform/retry-after.ts';
import { silentError } from '../../fixtures/leaks.ts';
import { answering, credentialsFor, NOW_MS, SECRET, SECRETS, TOKEN } from './support.ts';

const credentials = credentialsFor();
const challenge = { 'www-authenticate': `Basic realm="${SECRET}"` };
const html = { 'content-type': 'text/html' };

function body(error: unknown): object {
  return { error, error_description: `You sent ${credentials.authorization}, ${SECRET}, ${TOKEN}` };
}

interface Case {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Record<string, string>;
  readonly token: string;
  readonly introspection?: string;
}

describe.each<Case>([
  { status: 401, body: body('invalid_client'), token: 'invalid_client' },
  { status: 401, body: body('invalid_client'), headers: challenge, token: 'invalid_client' },
  { status: 400, body: body('invalid_client'), token: 'invalid_client' },
  { status: 401, body: 'Unauthorized', headers: html, token: 'invalid_client' },
  { status: 401, body: '', headers: challenge, token: 'invalid_client' },
  { status: 400, body: body('invalid_request'), token: 'invalid_request' },
  { status: 400, body: body('invalid_grant'), token: 'invalid_grant', introspection: 'oauth_error_unknown' },
  { status: 400, body: body('invalid_scope'), token: 'invalid_scope', introspection: 'oauth_error_unknown' },
  {
    status: 400,
    body: body('unsupported_grant_type'),
    token: 'unsupported_grant_type',
    introspection: 'oauth_error_unknown',
  },
  { status: 400, body: body('unauthorized_client'), token: 'oauth_error_unknown' },
  { status: 400, body: body(TOKEN), token: 'oauth_error_unknown' },
  { status: 400, body: body('constructor'), token: 'oauth_error_unknown' },
  { status: 400, body: body({ SECRET }), token: 'oauth_error_unknown' },
  { status: 400, body: SECRET, token: 'oauth_error_unknown' },
  { status: 404, body: '<html>', headers: html, token: 'oauth_error_unknown' },
  { status: 403, body: `<html>${SECRET}`, headers: html, token: 'oauth_error_unknown' },
  { status: 403, body: { message: SECRET }, token: 'oauth_error_unknown' },
  { status: 403, body: body('invalid_client'), token: 'invalid_client' },
  { status: 429, body: body('invalid_client'), token: 'oauth_throttled' },
  { status: 429, body: '<html>', headers: html, token: 'oauth_throttled' },
  { status: 408, body: '', token: 'oauth_unavailable' },
  { status: 500, body: body('invalid_client'), token: 'oauth_unavailable' },
  { status: 502, body: `<html>${SECRET}`, headers: html, token: 'oauth_unavailable' },
  { status: 503, body: '', token: 'oauth_unavailable' },
  {
    status: 302,
    body: '',
    headers: { location: `https://${SECRET}.example/` },
    token: 'oauth_response_invalid',
  },
  { status: 307, body: '', headers: { location: '/elsewhere' }, token: 'oauth_response_invalid' },
  { status: 200, body: body('invalid_client'), token: 'invalid_client' },
  { status: 201, body: body('access_denied'), token: 'oauth_error_unknown' },
  { status: 200, body: body('invalid_scope'), token: 'invalid_scope', introspection: 'oauth_error_unknown' },
  { status: 200, body: `<html>${SECRET}`, headers: html, token: 'oauth_response_invalid' },
  {
    status: 200,
    body: { active: true, access_token: TOKEN },
    headers: html,
    token: 'oauth_response_invalid',
  },
])('HTTP $status $body', ({ status, body, headers, token, introspection = token }) => {
  const deps = answering(body, { status, ...(headers && { headers }) });

  test(`to a token request is ${token}`, async () => {
    const error = await silentError(() => requestToken(credentials, deps), SECRETS);
    expect(error).toMatchObject({ code: token, client: 'mocha', status, endpoint: 'token' });
    expect(error.message).toMatch(/^the token request of client mocha failed \(.+\): .+; .+/);
  });

  test(`to an introspection request is ${introspection}`, async () => {
    const error = await silentError(() => introspect(credentials, TOKEN, deps), SECRETS);
    expect(error).toMatchObject({ code: introspection, client: 'mocha', status, endpoint: 'introspection' });
  });
});

test('a registered error that the vendor does not document is named', async () => {
  const deps = answering(body('unauthorized_client'), { status: 400 });
  const error = await silentError(() => requestToken(credentials, deps), SECRETS);
  expect(error.message).toContain('unauthorized_client');
});

test.each([429, 500, 503, 400])('HTTP %i carries the time that the server asks for', async (status) => {
  const deps = answering('{}', { status, headers: { 'retry-after': '7' } });
  expect(await silentError(() => requestToken(credentials, deps), SECRETS)).toMatchObject({
    retryAfterMs: 7_000,
  });
});

test.each<[name: string, headers: Record<string, string>, ms: number | undefined]>([
  ['counts from the date of the response', { date: new Date(NOW_MS - 500_000).toUTCString() }, 590_000],
  ['counts from the local clock where the response has no date', {}, 90_000],
  ['gives way to Retry-After', { 'retry-after': '7' }, 7_000],
  ['that is no moment counts for nothing', { 'x-rate-limit-reset': 'soon' }, undefined],
])('X-Rate-Limit-Reset, the moment at which Okta counts anew, %s', async (_, given, retryAfterMs) => {
  const headers = { 'x-rate-limit-reset': String(NOW_MS / 1_000 + 90), ...given };
  const deps = answering('{}', { status: 429, headers });
  const error = await silentError(() => requestToken(credentials, deps), SECRETS);
  expect((error as OAuthError).retryAfterMs).toBe(retryAfterMs);
});

test.each<[header: string | null, ms: number | undefined]>([
  [null, undefined],
  ['0', 0],
  ['120', 120_000],
  ['99999999999999999999', 86_400_000],
  [new Date(NOW_MS + 90_000).toUTCString(), 90_000],
  [new Date(NOW_MS - 90_000).toUTCString(), 0],
  ['-5', undefined],
  ['1.5', undefined],
  ['soon', undefined],
  ['', undefined],
  ['Wed, 99 Jan 2026 00:00:00 GMT', undefined],
])('Retry-After %j', (header, ms) => {
  expect(retryAfterMs(header, NOW_MS)).toBe(ms);
});
