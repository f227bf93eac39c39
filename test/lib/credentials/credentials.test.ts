import { describe, expect, test } from 'vitest';
import { parseCredentials } from '../../../lib/credentials/credentials.ts';
import { checkClientName } from '../../../lib/platform/client-name.ts';
import { silentError } from '../../fixtures/leaks.ts';
import { VENDOR } from '../../fixtures/vendor-document.ts';

const { authorization, tokenUrl, scope } = VENDOR;
const MARKER = 'MARKER-s3cr3t-value';

function parse(secret: object | string) {
  return parseCredentials('mocha', typeof secret === 'string' ? secret : JSON.stringify(secret));
}

function basic(text: string | Buffer): string {
  return `Basic ${Buffer.from(text).toString('base64')}`;
}

describe('a secret', () => {
  test('of the vendor document is read', () => {
    const credentials = parse({ authorization, tokenUrl, scope });
    expect(credentials).toEqual({
      client: 'mocha',
      clientId: VENDOR.clientId,
      tokenUrl,
      introspectUrl: VENDOR.introspectUrl,
      scope,
    });
    expect(credentials.authorization).toBe(authorization);
    expect(Object.keys(credentials)).not.toContain('authorization');
    expect(JSON.stringify(credentials)).not.toContain(authorization.slice(6));
  });

  test('with the pair of the vendor document gives the same header', () => {
    const { clientId, clientSecret } = VENDOR;
    const credentials = parse({ clientId, clientSecret, tokenUrl, scope });
    expect(credentials.authorization).toBe(authorization);
    expect(credentials.clientId).toBe(clientId);
  });

  test('may name the introspection endpoint, and hold other keys', () => {
    const introspectUrl = 'https://other.example/inspect';
    expect(parse({ authorization, tokenUrl, scope, introspectUrl, note: 1 }).introspectUrl).toBe(
      introspectUrl,
    );
    const elsewhere = { authorization, tokenUrl: 'https://a.example/mint', scope, introspectUrl };
    expect(parse(elsewhere).tokenUrl).toBe('https://a.example/mint');
  });

  test.each([
    ['a colon in the secret splits at the first', basic('id:se:cr:et'), 'id'],
    ['characters that percent-encoding would change', basic("a-b_c:~!*'() +%"), 'a-b_c'],
    ['letters beyond ASCII', basic('café:secrét'), 'café'],
    ['another case of the scheme', authorization.replace('Basic', 'basic'), VENDOR.clientId],
  ])('header: %s; it is kept byte for byte', (_, header, clientId) => {
    const credentials = parse({ authorization: header, tokenUrl, scope });
    expect(credentials.authorization).toBe(header);
    expect(credentials.clientId).toBe(clientId);
  });

  test.each([
    'https://a.example/v1/token',
    'http://localhost:80/token',
    'http://127.0.0.1:9/v1/token',
    'http://[::1]:9/token',
  ])('tokenUrl %s is accepted', (url) => {
    expect(parse({ authorization, tokenUrl: url, scope }).introspectUrl).toMatch(/\/introspect$/);
  });
});

describe('a malformed secret is refused without being shown', () => {
  const good = { authorization, tokenUrl, scope };
  test.each<[rule: RegExp, secret: object | string]>([
    [/must be a JSON object/, `{"authorization":"${MARKER}`],
    [/must be a JSON object/, MARKER],
    [/must be a JSON object/, '[]'],
    [/must be a JSON object/, 'null'],
    [/must be a JSON object/, ''],
    [/byte order mark \(BOM\)/, `\uFEFF${JSON.stringify(good)}`],
    [/curly quotes/, `{ “authorization”: “Basic ${btoa(`id:${MARKER}`)}” }`],
    [/authorization is missing/, { tokenUrl, scope }],
    [/authorization must be a string/, { ...good, authorization: [MARKER] }],
    [/must be "Basic"/, { ...good, authorization: MARKER }],
    [/must be "Basic"/, { ...good, authorization: `Bearer ${MARKER}` }],
    [/must be "Basic"/, { ...good, authorization: `Basic  ${btoa(`id:${MARKER}`)}` }],
    [/must be "Basic"/, { ...good, authorization: `Basic ${btoa(`id:${MARKER}`)}\r\nX-Evil: 1` }],
    [/must be "Basic"/, { ...good, authorization: `Basic ${MARKER}_` }],
    [/no white space around/, { ...good, authorization: `${basic(`id:${MARKER}`)}\n` }],
    [/no white space around/, { ...good, authorization: ` ${basic(`id:${MARKER}`)}` }],
    [/complete base64/, { ...good, authorization: basic(`id:${MARKER}`).replace(/=*$/, '') }],
    [/complete base64/, { ...good, authorization: 'Basic aWQ6c2VjcmV0MB==' }],
    [/UTF-8/, { ...good, authorization: basic(Buffer.from([0x61, 0x3a, 0xff, 0xfe])) }],
    [/a colon between/, { ...good, authorization: basic(MARKER) }],
    [/client id that is not empty/, { ...good, authorization: basic(`:${MARKER}`) }],
    [/client secret that is not empty/, { ...good, authorization: basic(`${MARKER}:`) }],
    [/control character/, { ...good, authorization: basic(`id:${MARKER}\n`) }],
    [/not both/, { ...good, clientId: 'id', clientSecret: MARKER }],
    [/clientSecret is missing/, { clientId: MARKER, tokenUrl, scope }],
    [/clientId is missing/, { clientSecret: MARKER, tokenUrl, scope }],
    [/without a colon/, { clientId: `i:d`, clientSecret: MARKER, tokenUrl, scope }],
    [/client secret that is not empty/, { clientId: MARKER, clientSecret: '', tokenUrl, scope }],
    [/control character/, { clientId: 'id', clientSecret: `${MARKER}\u0000`, tokenUrl, scope }],
    [/well-formed/, { clientId: 'id', clientSecret: `${MARKER}\ud800`, tokenUrl, scope }],
    [/tokenUrl is missing/, { authorization, scope }],
    [/tokenUrl must be a URL/, { ...good, tokenUrl: MARKER }],
    [/tokenUrl must be a URL/, { ...good, tokenUrl: `https://a.example/${MARKER}/token\n` }],
    [/tokenUrl must be an https URL/, { ...good, tokenUrl: `http://${MARKER}.example/token` }],
    [/tokenUrl must be an https URL/, { ...good, tokenUrl: `http://localhost.${MARKER}.example/token` }],
    [/tokenUrl must be an https URL/, { ...good, tokenUrl: `ftp://localhost/${MARKER}/token` }],
    [/no user name/, { ...good, tokenUrl: `https://id:${MARKER}@a.example/token` }],
    [/no fragment/, { ...good, tokenUrl: `https://a.example/token#${MARKER}` }],
    [/must end in \/token/, { ...good, tokenUrl: `https://a.example/${MARKER}` }],
    [/introspectUrl must be an https URL/, { ...good, introspectUrl: `http://${MARKER}.example/i` }],
    [/scope is missing/, { authorization, tokenUrl }],
    [/scope must follow/, { ...good, scope: MARKER }],
    [/scope must follow/, { ...good, scope: `partnerId:${MARKER} role:partnerIdAdmin ` }],
    [/scope must follow/, { ...good, scope: `partnerId:${MARKER} role:partnerIdAdmin extra` }],
    [/scope must follow/, { ...good, scope: `partnerId: role:partnerIdAdmin` }],
  ])('%s', async (rule, secret) => {
    const error = await silentError(() => parse(secret), [MARKER]);
    expect(error).toMatchObject({ code: 'secret_malformed', client: 'mocha' });
    expect(error.message).toMatch(rule);
    expect(error.message).toContain('client mocha');
  });
});

test("the scope's partner may be of any characters that a scope token may have", () => {
  const exotic = "partnerId:p'1~! role:partnerIdAdmin";
  expect(parse({ authorization, tokenUrl, scope: exotic }).scope).toBe(exotic);
});

test.each(['', 'a b', 'a"b', 'a\\b', 'é', 'a\n'])('a scope for the partner %j is refused', (partner) => {
  const refused = `partnerId:${partner} role:partnerIdAdmin`;
  expect(() => parse({ authorization, tokenUrl, scope: refused })).toThrow(/scope/);
});

test.each(['http://evil-localhost/token', 'http://127x0x0x1/token', 'https://id@a.example/token'])(
  'the address %s is refused',
  (tokenUrl) => {
    expect(() => parse({ authorization, tokenUrl, scope })).toThrow(/tokenUrl/);
  },
);

describe("a client's name", () => {
  test.each(['mocha', 'a', 'A_b+c=d.e@f-1', 'x'.repeat(128)])('%s is accepted', (name) => {
    expect(checkClientName(name)).toBe(name);
  });

  test.each(['', 'a/b', 'a#b', 'a b', 'é', 'a\n', 'x'.repeat(129)])('%j is refused', (name) => {
    expect(() => checkClientName(name)).toThrow(expect.objectContaining({ code: 'config_invalid' }));
  });
});
