import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import middy from '@middy/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { createTestBroker, type TestBroker } from '../../../infra/testing/index.ts';
import { createPlume, plume } from '../../../lib/index.ts';

/** As a user would test a worker. */

let broker: TestBroker;
beforeEach(async () => {
  broker = await createTestBroker();
});
afterEach(() => broker.stop());

const locations = (maxWaitMs = 20_000) =>
  createPlume({ client: 'mocha', broker, maxWaitMs }).run(({ json }) => json('/v1/locations'));

test('a worker of Middy calls the API', async () => {
  const handler = middy()
    .use(plume({ client: 'mocha', broker }))
    .handler(async (_event: unknown, context) => context.plume.json('/v1/locations'));
  const context = { getRemainingTimeInMillis: () => 60_000 } as Parameters<typeof handler>[1];
  expect(await handler({}, context)).toEqual({ ok: true, method: 'GET', path: '/v1/locations' });
  expect(broker.statuses).toEqual([200]);
});

test('one token serves until it expires', async () => {
  await locations();
  broker.clock.advance(500_000);
  await locations();
  expect(broker.tokensIssued()).toBe(1);
  broker.clock.advance(100_000);
  await locations();
  expect(broker.tokensIssued()).toBe(2);
});

test('a revoked token is replaced within the call', async () => {
  await locations();
  broker.clock.advance(60_000);
  broker.revokeTokens();
  expect(await locations()).toMatchObject({ ok: true });
  expect(broker.statuses).toEqual([200, 401, 200]);
});

describe('what cannot be done says so', () => {
  test('the budget is used up', async () => {
    broker.exhaustBudget(60_000);
    await expect(locations()).rejects.toMatchObject({ code: 'budget_exhausted' });
    expect(broker.statuses).toEqual([]);
    broker.clock.advance(60_000);
    expect(await locations()).toMatchObject({ ok: true });
  });

  test('the WAF blocks the address', async () => {
    await locations();
    broker.blockAddress(300_000);
    const refusals: unknown[] = [];
    for (let calls = 0; calls < 4; calls += 1) {
      refusals.push(await locations().catch(({ code, refused }) => [code, refused]));
    }
    const [call, address] = ['call', 'address'].map((refused) => ['waf_blocked', refused]);
    expect(refusals).toEqual([call, call, call, address]);
    broker.clock.advance(300_000);
    expect(await locations()).toMatchObject({ ok: true });
  });

  test('the authorization server is away', async () => {
    broker.setAuthorizationServerAway(true);
    await expect(locations(0)).rejects.toMatchObject({
      code: 'token_unavailable',
      mintCode: 'oauth_unavailable',
    });
    broker.setAuthorizationServerAway(false);
    broker.clock.advance(60_000);
    expect(await locations()).toMatchObject({ ok: true });
  });

  test('the credentials are refused', async () => {
    broker.setCredentialsRefused(true);
    await expect(locations()).rejects.toMatchObject({
      code: 'token_unavailable',
      mintCode: 'invalid_client',
    });
  });

  test('the API refuses every token', async () => {
    broker.refuseTokens(true);
    await expect(locations()).rejects.toMatchObject({ code: 'api_error' });
    broker.refuseTokens(false);
    broker.clock.advance(60_000);
    expect(await locations()).toMatchObject({ ok: true });
  });
});

test('calls wait for their turn without a test waiting', async () => {
  const startedMs = broker.clock.now();
  await createPlume({ client: 'mocha', broker }).run(
    ({ json }) => Promise.all(Array.from({ length: 40 }, () => json('/v1/locations'))),
    { calls: 40 },
  );
  expect(broker.statuses).toHaveLength(40);
  // 5.9 calls a second.
  expect(broker.clock.now() - startedMs).toBeGreaterThan(5_000);
});

test('the API answers what the test says', async () => {
  await using own = await createTestBroker({
    client: 'latte',
    respond: async (request) => Response.json({ name: await request.text() }, { status: 201 }),
  });
  const response = await createPlume({ client: 'latte', broker: own }).run(async ({ fetch }) => {
    const answer = await fetch('/v1/locations', { method: 'POST', body: 'Ljubljana' });
    return { status: answer.status, body: await answer.json() };
  });
  expect(response).toEqual({ status: 201, body: { name: 'Ljubljana' } });
});

test('a body that is a stream is answered, and can be read by who answers', async () => {
  await using own = await createTestBroker({
    respond: async (request) => new Response(await request.text()),
  });
  const body = new Blob(['Ljubljana']).stream();
  const work = createPlume({ client: 'mocha', broker: own }).run(async ({ fetch }) =>
    (await fetch('/v1', { method: 'POST', body, duplex: 'half' } as RequestInit)).text(),
  );
  expect(await work).toBe('Ljubljana');
});

test('any path is answered, and statuses are those that the calls got', async () => {
  const answers = [204, 404, 503].map((status) => () => new Response(null, { status }));
  await using own = await createTestBroker({ respond: () => answers.shift()?.() ?? Response.json({}) });
  await createPlume({ client: 'mocha', broker: own }).run(async ({ fetch }) => {
    for (const path of ['/', '/reports/7', '/oauth2', '/v1']) await fetch(path);
  });
  expect(own.statuses).toEqual([204, 404, 503, 200]);
});

test('a broker that is not disposed lets the process end, but not before calls under way', async () => {
  const [kit, lib] = ['../../../infra/testing/index.ts', '../../../lib/index.ts'].map((path) =>
    JSON.stringify(new URL(path, import.meta.url).href),
  );
  const script = `
    import { createTestBroker } from ${kit};
    import { createPlume } from ${lib};
    const broker = await createTestBroker();
    const mocha = createPlume({ client: 'mocha', broker });
    const calls = Array.from({ length: 30 }, () => mocha.run(({ json }) => json('/v1')));
    await Promise.all(calls);
    console.log(broker.statuses.length);`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    timeout: 60_000,
  });
  expect(stdout).toBe('30\n');
});

test('a budget that cannot be kept is refused', async () => {
  await expect(createTestBroker({ budget: { limit: 100 } })).rejects.toMatchObject({
    code: 'config_invalid',
  });
});
