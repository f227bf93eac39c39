import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseBasicHeader } from '../../../lib/credentials/basic-header.ts';
import { parseCredentials } from '../../../lib/credentials/credentials.ts';
import { isPlumeError } from '../../../lib/errors.ts';
import { expiryOf } from '../../../lib/minter/token-expiry.ts';
import { introspect } from '../../../lib/oauth/introspection-request.ts';
import { requestToken } from '../../../lib/oauth/token-request.ts';
import { jwtExpiry } from '../../../lib/oauth/unix-seconds.ts';
import { DEFAULT_TOKEN_SETTINGS } from '../../../lib/token/settings.ts';
import { disguises, traces } from '../../fixtures/leaks.ts';
import { VENDOR } from '../../fixtures/vendor-document.ts';
import { answering, credentialsFor, TOKEN } from './support.ts';

/** Every property is tried with so many inputs, others each time; `PLUME_TEST_INPUTS=10000` for many at once. */
const NUM_RUNS = Number(process.env.PLUME_TEST_INPUTS ?? 2_000);
const MARKER = 'MARKER-f4zz~secret';
const MARKS = disguises(MARKER);
const credentials = credentialsFor();

function marked(text: string): boolean {
  return MARKS.some((mark) => text.includes(mark));
}

/** Nothing but an error of this library, and nothing of the input in it. */
function expectSilent(error: unknown): void {
  if (!isPlumeError(error)) throw error;
  expect(marked(`${error.message}${error.stack}${JSON.stringify(error)}${error.cause ?? ''}`)).toBe(false);
}

/** Text around the marker, which then may turn up nowhere. */
const text = fc.oneof(
  fc.string({ unit: 'binary' }).map((noise) => noise + MARKER),
  fc.string().map((noise) => MARKER + noise),
  fc.constantFrom(MARKER, ''),
);
const anything = fc.oneof(text, fc.jsonValue({ maxDepth: 2 }), fc.double(), fc.constant(undefined));
/** Mostly right, so that the rules behind the first one are reached too. */
const mostly = <T>(value: T) =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(value) }, { weight: 1, arbitrary: anything });

const header = fc.oneof(
  text,
  text.map((noise) => `Basic ${noise}`),
  text.map((noise) => `Basic ${Buffer.from(noise).toString('base64')}`),
  fc.tuple(text, text).map(([id, secret]) => `basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`),
  fc.uint8Array().map((bytes) => `Basic ${Buffer.from(bytes).toString('base64')}`),
);

test('any header is a pair or a rule', () => {
  fc.assert(
    fc.property(header, (authorization) => {
      const parsed = parseBasicHeader(authorization);
      if ('rule' in parsed) {
        expect(marked(parsed.rule)).toBe(false);
        return;
      }
      // What is accepted is what will be sent, and says what it was read as.
      expect(new Headers({ authorization }).get('authorization')).toBe(authorization);
      const decoded = Buffer.from(authorization.slice(6), 'base64').toString();
      expect(decoded.startsWith(`${parsed.clientId}:`)).toBe(true);
      expect(decoded.indexOf(':')).toBe(parsed.clientId.length);
    }),
    { numRuns: NUM_RUNS },
  );
});

test('any secret is credentials or a rule', () => {
  let accepted = 0;
  const secret = fc.oneof(
    { weight: 1, arbitrary: text },
    {
      weight: 3,
      arbitrary: fc
        .record({
          authorization: fc.oneof(header, mostly(VENDOR.authorization)),
          tokenUrl: mostly(VENDOR.tokenUrl),
          scope: mostly(VENDOR.scope),
        })
        .map((value) => JSON.stringify(value)),
    },
    {
      weight: 4,
      arbitrary: fc
        .record(
          {
            authorization: fc.oneof(header, mostly(VENDOR.authorization)),
            clientId: anything,
            clientSecret: anything,
            tokenUrl: fc.oneof(fc.webUrl(), mostly(VENDOR.tokenUrl)),
            introspectUrl: fc.oneof(fc.webUrl(), anything),
            scope: mostly(VENDOR.scope),
          },
          { requiredKeys: [] },
        )
        .map((value) => JSON.stringify(value)),
    },
  );
  fc.assert(
    fc.property(secret, (value) => {
      try {
        const parsed = parseCredentials('mocha', value);
        accepted += 1;
        expect(new URL(parsed.tokenUrl).protocol).toBe('https:');
        const { authorization } = parsed;
        expect(new Headers({ authorization }).get('authorization')).toBe(authorization);
      } catch (error) {
        expectSilent(error);
      }
    }),
    { numRuns: NUM_RUNS },
  );
  expect(accepted).toBeGreaterThan(NUM_RUNS / 30);
});

const status = fc.oneof(
  { weight: 5, arbitrary: fc.constant(200) },
  { weight: 1, arbitrary: fc.constantFrom(201, 302, 400, 401, 403, 429, 500, 503) },
);
const contentType = fc.oneof(
  { weight: 8, arbitrary: fc.constant('application/json') },
  { weight: 1, arbitrary: fc.constantFrom('text/html', 'application/jose+json;charset=utf-8', 'json', '') },
);

/** JSON of the fields, mostly all of them; a part of them, with those of a failure; half a body; any text. */
function bodies(fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<string> {
  const whole = fc.record(fields);
  const part = fc.record({ ...fields, ...failure }, { requiredKeys: [] });
  const json = fc
    .oneof({ weight: 4, arbitrary: whole }, { weight: 1, arbitrary: part })
    .map((value) => JSON.stringify(value));
  const half = fc.tuple(json, fc.nat(200)).map(([whole, length]) => whole.slice(0, length));
  return fc.oneof(
    { weight: 6, arbitrary: json },
    { weight: 1, arbitrary: half },
    { weight: 1, arbitrary: text },
  );
}

const failure = {
  error: fc.oneof(fc.constantFrom('invalid_client', 'invalid_scope'), anything),
  error_description: text,
};

/** With an `exp` that may be anything. */
const jwt = fc
  .record(
    { exp: fc.oneof(mostly(1_703_279_941), fc.integer(), fc.double()), jti: text },
    { requiredKeys: [] },
  )
  .map((claims) => ['{"alg":"RS256"}', JSON.stringify(claims), MARKER])
  .map((parts) => parts.map((part) => Buffer.from(part).toString('base64url')).join('.'));

test('any token response is a grant or a typed error', async () => {
  const seen = { grants: 0, withExp: 0, refusals: 0 };
  const body = bodies({
    access_token: fc.oneof(mostly(TOKEN), mostly(TOKEN), jwt, text),
    token_type: mostly('Bearer'),
    expires_in: fc.oneof(mostly(600), mostly('600'), fc.constantFrom(undefined, null, 0, 1e12, -1)),
    scope: mostly(VENDOR.scope),
    id_token: fc.option(text, { nil: undefined, freq: 1 }),
  });
  await fc.assert(
    fc.asyncProperty(body, status, contentType, async (given, status, type) => {
      const deps = answering(given, { status, headers: { 'content-type': type } });
      try {
        const grant = await requestToken(credentials, deps);
        seen.grants += 1;
        expect([200, 201]).toContain(status);
        expect(new Headers({ authorization: `Bearer ${grant.accessToken}` }).get('authorization')).toBe(
          `Bearer ${grant.accessToken}`,
        );
        expect(grant.expiresInSeconds ?? 1).toBeGreaterThan(0);
        expect(Number.isFinite(grant.expiresInSeconds ?? 0)).toBe(true);
        if (grant.jwtExpSeconds !== undefined) seen.withExp += 1;
        const { expiresAtMs } = expiryOf(grant.requestedAtMs, grant, DEFAULT_TOKEN_SETTINGS);
        expect(Number.isSafeInteger(expiresAtMs)).toBe(true);
        expect(expiresAtMs).toBeLessThanOrEqual(grant.requestedAtMs + 366 * 86_400_000);
      } catch (error) {
        seen.refusals += 1;
        expectSilent(error);
      }
    }),
    { numRuns: NUM_RUNS },
  );
  // Both ends are reached, and so is the token's own expiry.
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(NUM_RUNS / 100);
});

test('any introspection response is an answer or a typed error', async () => {
  const seen = { answers: 0, refusals: 0 };
  const body = bodies({
    active: fc.oneof(mostly(true), fc.boolean()),
    exp: mostly(1_703_282_659),
    iat: mostly(1_703_280_859),
    client_id: mostly('id'),
    scope: mostly(VENDOR.scope),
  });
  await fc.assert(
    fc.asyncProperty(body, status, contentType, async (given, status, type) => {
      const deps = answering(given, { status, headers: { 'content-type': type } });
      try {
        const answer = await introspect(credentials, MARKER, deps);
        seen.answers += 1;
        expect([200, 201]).toContain(status);
        if (answer.active) expect(Number.isFinite(answer.expSeconds ?? 0)).toBe(true);
      } catch (error) {
        seen.refusals += 1;
        expectSilent(error);
      }
    }),
    { numRuns: NUM_RUNS },
  );
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(NUM_RUNS / 30);
});

test('any token has the exp that it states, if that is a moment, or none', () => {
  const part = fc.oneof(
    text,
    fc.record({ exp: mostly(1_703_279_941) }, { requiredKeys: [] }).map((payload) => JSON.stringify(payload)),
  );
  const encoded = part.map((value) => Buffer.from(value).toString('base64url'));
  const token = fc.oneof(
    jwt,
    text,
    fc.array(encoded, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('.')),
  );
  let stated = 0;
  fc.assert(
    fc.property(token, (value) => {
      const { expSeconds: seconds } = jwtExpiry(value);
      if (seconds === undefined) return;
      stated += 1;
      expect(seconds).toBeGreaterThan(0);
      const [, payload = ''] = value.split('.');
      expect(Number(JSON.parse(Buffer.from(payload, 'base64url').toString()).exp)).toBe(seconds);
    }),
    { numRuns: NUM_RUNS },
  );
  expect(stated).toBeGreaterThan(NUM_RUNS / 30);
});

test('the search for secrets finds them', () => {
  expect(marked(traces(new Error(MARKER)))).toBe(true);
  expect(
    marked(traces(new Error('outer', { cause: { body: Buffer.from(`id:${MARKER}`).toString('base64') } }))),
  ).toBe(true);
  expect(marked(traces(Object.defineProperty({}, 'hidden', { value: encodeURIComponent(MARKER) })))).toBe(
    true,
  );
});
