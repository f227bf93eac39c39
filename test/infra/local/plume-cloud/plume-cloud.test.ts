import { decodeJwt, decodeProtectedHeader } from 'jose';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { authorizationOf, scopeOf } from '../../../../infra/local/plume-cloud/clients.ts';
import { type PlumeCloud, startPlumeCloud } from '../../../../infra/local/plume-cloud/plume-cloud.ts';
import { TEST_ADDRESS_HEADER } from '../../../../infra/local/plume-cloud/waf.ts';
import type { CloudEvent } from '../../../../infra/local/run/events.ts';

const client = {
  name: 'mocha',
  clientId: '0oa1y13epa9NeXecM0h8',
  clientSecret: 'a-secret_with%41signs~and:colons',
  partner: 'mocha-partner',
  lifetimeSeconds: 600,
};
const other = { ...client, name: 'latte', clientId: 'latte-id', partner: 'latte-partner' };
const authorization = authorizationOf(client);
const grant = { grant_type: 'client_credentials', scope: scopeOf(client) };

let events: CloudEvent[];
let nowMs: number;
let cloud: PlumeCloud;

beforeEach(async () => {
  events = [];
  nowMs = Date.now();
  cloud = await startPlumeCloud({
    clients: [client, other],
    waf: { limit: 1000, windowMs: 300_000, release: 'new-frame' },
    latencyMs: 1,
    record: (event) => events.push(event),
    now: () => nowMs,
  });
});

afterEach(() => cloud.stop());

function post(
  url: string,
  form: Record<string, string> | string,
  headers: Record<string, string> = { authorization },
) {
  return fetch(url, { method: 'POST', headers, body: new URLSearchParams(form) });
}

async function mint(who = client): Promise<string> {
  const form = { ...grant, scope: scopeOf(who) };
  const response = await post(cloud.tokenUrl, form, { authorization: authorizationOf(who) });
  return ((await response.json()) as { access_token: string }).access_token;
}

function callApi(token: string, headers: Record<string, string> = {}) {
  return fetch(new URL('api/v1/devices', cloud.apiUrl), {
    headers: { authorization: `Bearer ${token}`, ...headers },
  });
}

describe('token endpoint', () => {
  test('answers like the vendor: an RS256 JWT, its lifetime and scope', async () => {
    const response = await post(cloud.tokenUrl, grant);
    expect(response.status).toBe(200);
    const answer = (await response.json()) as { access_token: string };
    expect(answer).toMatchObject({ token_type: 'Bearer', expires_in: 600, scope: grant.scope });
    expect(decodeProtectedHeader(answer.access_token)).toMatchObject({ alg: 'RS256' });
    const claims = decodeJwt(answer.access_token);
    expect(claims).toMatchObject({
      ver: 1,
      cid: client.clientId,
      sub: client.clientId,
      scp: grant.scope.split(' '),
    });
    expect((claims.exp as number) - (claims.iat as number)).toBe(600);
    expect(events).toContainEqual(
      expect.objectContaining({
        kind: 'token-issued',
        client: 'mocha',
        expiresAtMs: (claims.exp as number) * 1000,
      }),
    );
  });

  const encodedTwice = `Basic ${btoa(`${client.clientId}:${encodeURIComponent(client.clientSecret)}`)}`;
  test.each<[string, number, string, Record<string, string> | string, Record<string, string>]>([
    ['an unknown client', 401, 'invalid_client', grant, { authorization: `Basic ${btoa('nobody:x')}` }],
    [
      'a wrong secret',
      401,
      'invalid_client',
      grant,
      { authorization: `Basic ${btoa(`${client.clientId}:x`)}` },
    ],
    ['a percent-encoded secret', 401, 'invalid_client', grant, { authorization: encodedTwice }],
    ['another scheme', 401, 'invalid_client', grant, { authorization: 'Bearer x' }],
    ['a malformed header', 400, 'invalid_request', grant, { authorization: 'Basic %%%' }],
    [
      'a header without a colon',
      400,
      'invalid_request',
      grant,
      { authorization: `Basic ${btoa('nocolon')}` },
    ],
    ['no authentication', 400, 'invalid_request', grant, {}],
    ['header and form', 400, 'invalid_request', { ...grant, client_id: 'x' }, { authorization }],
    ['a parameter twice', 400, 'invalid_request', `${new URLSearchParams(grant)}&scope=x`, { authorization }],
    [
      'another content type',
      400,
      'invalid_request',
      grant,
      { authorization, 'content-type': 'application/json' },
    ],
    ['no grant type', 400, 'invalid_request', { scope: grant.scope }, { authorization }],
    ['another grant', 400, 'invalid_grant', { ...grant, grant_type: 'password' }, { authorization }],
    ['an unknown grant', 400, 'unsupported_grant_type', { ...grant, grant_type: 'x' }, { authorization }],
    ['no scope', 400, 'invalid_scope', { grant_type: grant.grant_type }, { authorization }],
    ["another partner's scope", 400, 'invalid_scope', { ...grant, scope: scopeOf(other) }, { authorization }],
  ])('%s: %i %s', async (_, status, error, form, headers) => {
    const response = await post(cloud.tokenUrl, form, headers);
    expect(response.status).toBe(status);
    expect(response.headers.has('www-authenticate')).toBe(status === 401);
    expect(await response.json()).toEqual({ error, error_description: expect.any(String) });
  });
});

describe('introspection endpoint', () => {
  const introspectUrl = () => cloud.tokenUrl.replace(/token$/, 'introspect');
  const introspect = async (token: string) =>
    (await post(introspectUrl(), { token, token_type_hint: 'access_token' })).json();

  test('tells active from expired, revoked, foreign and nonsensical', async () => {
    const token = await mint();
    const { exp, iat } = decodeJwt(token);
    expect(await introspect(token)).toMatchObject({ active: true, exp, iat, client_id: client.clientId });
    expect(await introspect(await mint(other))).toEqual({ active: false });
    expect(await introspect('nonsense')).toEqual({ active: false });
    cloud.revoke('mocha');
    expect(await introspect(token)).toEqual({ active: false });
    const next = await mint();
    nowMs += 600_000;
    expect(await introspect(next)).toEqual({ active: false });
  });

  test('authenticates its caller and wants a token', async () => {
    expect((await post(introspectUrl(), { token: 'x' }, {})).status).toBe(400);
    expect(
      (await post(introspectUrl(), { token: 'x' }, { authorization: `Basic ${btoa('a:b')}` })).status,
    ).toBe(401);
    expect(await (await post(introspectUrl(), {})).json()).toMatchObject({ error: 'invalid_request' });
  });
});

describe('API', () => {
  const refusals = () =>
    events.flatMap((event) => (event.kind === 'answer' && event.endpoint === 'api' ? [event.refusal] : []));

  test('takes a live token, and refuses others with the reason as an event', async () => {
    const token = await mint();
    expect((await callApi(token)).status).toBe(200);
    expect((await fetch(new URL('api/', cloud.apiUrl))).status).toBe(401);
    expect((await callApi('nonsense')).status).toBe(401);
    expect((await callApi(`${token.slice(0, -4)}AAAA`)).status).toBe(401);
    const expired = await mint(other);
    cloud.revoke('mocha');
    const rejected = await callApi(token);
    expect(rejected.status).toBe(401);
    expect(rejected.headers.get('content-type')).toBe('application/json');
    nowMs += 600_000;
    expect((await callApi(expired)).status).toBe(401);
    cloud.setRejectAll(true);
    expect((await callApi(await mint())).status).toBe(401);
    cloud.setRejectAll(false);
    expect((await callApi(await mint())).status).toBe(200);
    expect(refusals()).toEqual([
      undefined,
      'missing',
      'malformed',
      'malformed',
      'revoked',
      'expired',
      'everything-refused',
      undefined,
    ]);
  });
});

describe('faults', () => {
  test('the authorization server can be down in three ways', async () => {
    cloud.setOutage('unavailable');
    expect((await post(cloud.tokenUrl, grant)).status).toBe(503);
    cloud.setOutage('refuse');
    await expect(post(cloud.tokenUrl, grant)).rejects.toThrow();
    cloud.setOutage('hang');
    const signal = AbortSignal.timeout(200);
    const hanging = fetch(cloud.tokenUrl, { method: 'POST', body: new URLSearchParams(grant), signal });
    await expect(hanging).rejects.toMatchObject({ name: 'TimeoutError' });
    cloud.setOutage(undefined);
    expect((await post(cloud.tokenUrl, grant)).status).toBe(200);
  });

  test("a client's credentials can break and be mended, and others do not notice", async () => {
    cloud.setBroken('mocha', true);
    expect((await post(cloud.tokenUrl, grant)).status).toBe(401);
    expect(await mint(other)).toEqual(expect.any(String));
    cloud.setBroken('mocha', false);
    expect((await post(cloud.tokenUrl, grant)).status).toBe(200);
  });

  test('the WAF refuses in HTML, before anything else is looked at', async () => {
    const token = await mint();
    cloud.block(1_000);
    for (const response of [await callApi(token), await post(cloud.tokenUrl, grant)]) {
      expect(response.status).toBe(403);
      expect(response.headers.get('content-type')).toBe('text/html');
      expect(await response.text()).toMatch(/^<html>/);
    }
    nowMs += 1_000;
    expect((await callApi(token)).status).toBe(200);
  });
});

test('the WAF counts by source address; a test may name its own', async () => {
  await mint();
  await callApi('x', { [TEST_ADDRESS_HEADER]: '192.0.2.7' });
  await callApi('x');
  const calls = events.flatMap((event) => (event.kind === 'call' ? [[event.address, event.inWindow]] : []));
  expect(calls).toEqual([
    ['127.0.0.1', 1],
    ['192.0.2.7', 1],
    ['127.0.0.1', 2],
  ]);
});
