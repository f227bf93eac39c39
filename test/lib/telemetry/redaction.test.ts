import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';

import { PlumeError } from '../../../lib/errors.ts';
import { errorFields } from '../../../lib/telemetry/error-fields.ts';
import { redactingReplacer, redactText } from '../../../lib/telemetry/redaction.ts';

const HEADER = `Basic ${Buffer.from('id:MARKER-secret').toString('base64')}`;
const JWT = 'eyJhbGciOiJSUzI1NiJ9.eyJNQVJLRVIiOjF9.c2lnbmF0dXJl';

describe('text', () => {
  test.each([
    [`header ${HEADER} refused`, 'header [redacted] refused'],
    [`token ${JWT}.`, 'token [redacted].'],
    [`Authorization: Bearer ${JWT}`, 'Authorization: [redacted]'],
    ['POST token=opaque-MARKER&token_type_hint=x', 'POST [redacted]&token_type_hint=x'],
    ['GET /v1/locations was answered 503', 'GET /v1/locations was answered 503'],
  ])('%j', (text, redacted) => {
    expect(redactText(text)).toBe(redacted);
  });
});

test('a structure loses its secrets by name and by form, and keeps the rest', () => {
  const logged = JSON.stringify(
    {
      client: 'mocha',
      fingerprint: '0123456789abcdef',
      secretVersion: 'v1',
      secretName: 'plume/m2m/a/b',
      headers: { Authorization: HEADER, accept: 'application/json' },
      deep: [{ client_secret: 'MARKER', access_token: 'MARKER', accessToken: 'MARKER', note: `got ${JWT}` }],
    },
    redactingReplacer,
  );
  expect(logged).not.toMatch(/MARKER|eyJ|Basic/);
  expect(logged).toContain('"secretVersion":"v1"');
  expect(logged).toContain('"secretName":"plume/m2m/a/b"');
  expect(logged).toContain('"accept":"application/json"');
  expect(logged).toContain('0123456789abcdef');
});

describe('errors', () => {
  test('ours say what they say, without anything that was hung on them', () => {
    const error = Object.assign(new PlumeError('invalid_client', 'said', { client: 'mocha', retryAtMs: 0 }), {
      response: 'MARKER',
    });
    expect(errorFields(error)).toEqual({
      name: 'PlumeError',
      code: 'invalid_client',
      message: 'said',
      client: 'mocha',
      retryAt: '1970-01-01T00:00:00.000Z',
    });
  });

  test('others lose their cause, their fields and what looks like a secret', () => {
    const error = Object.assign(new Error(`bad ${HEADER}`, { cause: { body: 'MARKER' } }), {
      response: 'MARKER',
    });
    const fields = errorFields(error);
    expect(fields).toMatchObject({ name: 'Error', message: 'bad [redacted]' });
    expect(inspect(fields, { depth: 9 })).not.toMatch(/MARKER|Basic/);
  });

  test('what is no error at all is named by its type alone', () => {
    expect(errorFields('MARKER')).toEqual({ name: 'string' });
  });
});
