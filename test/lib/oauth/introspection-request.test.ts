import { expect, test } from 'vitest';

import { introspect } from '../../../lib/oauth/introspection-request.ts';
import { silentError } from '../../fixtures/leaks.ts';
import { VENDOR } from '../../fixtures/vendor-document.ts';
import { answering, credentialsFor, depsWith, SECRETS, TOKEN } from './support.ts';

const credentials = credentialsFor();

test('the request is what the vendor document describes', async () => {
  let sent: [url: string, init: RequestInit] | undefined;
  await introspect(
    credentials,
    TOKEN,
    depsWith({
      fetch: async (url, init = {}) => {
        sent = [String(url), init];
        return Response.json({ active: false });
      },
    }),
  );
  const [url, init] = sent ?? [];
  expect(url).toBe(VENDOR.introspectUrl);
  expect(init?.method).toBe('POST');
  expect(new Headers(init?.headers).get('authorization')).toBe(credentials.authorization);
  expect(Object.fromEntries(init?.body as URLSearchParams)).toEqual({
    token: TOKEN,
    token_type_hint: 'access_token',
  });
});

test('the answers of the vendor document are read', async () => {
  expect(await introspect(credentials, TOKEN, answering(VENDOR.introspection))).toEqual({
    active: true,
    expSeconds: 1_703_282_659,
    scope: VENDOR.scope,
  });
  expect(await introspect(credentials, TOKEN, answering({ active: false }))).toEqual({ active: false });
});

test('claims of the wrong type count as not stated', async () => {
  const body = { active: true, exp: '1703282659', iat: {}, client_id: 7, scope: null };
  expect(await introspect(credentials, TOKEN, answering(body))).toEqual({
    active: true,
    expSeconds: 1_703_282_659,
  });
});

test.each([{}, { active: 'true' }, { active: 1 }, [], 'null', TOKEN])('%j is invalid', async (body) => {
  const error = await silentError(() => introspect(credentials, TOKEN, answering(body)), SECRETS);
  expect(error).toMatchObject({ code: 'oauth_response_invalid', endpoint: 'introspection' });
});
