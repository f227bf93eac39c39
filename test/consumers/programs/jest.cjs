/* global test, expect */
const { ApiError, createPlume, isPlumeError } = require('plume-m2m-token-broker');
const { createTestBroker } = require('plume-m2m-token-broker/testing');

test('the test kit makes tokens expire, and the runtime knows its errors', async () => {
  const broker = await createTestBroker({
    respond: (request) => new Response(null, { status: request.url.endsWith('/away') ? 404 : 204 }),
  });
  const mocha = createPlume({ client: 'mocha', broker });
  const call = (path) => mocha.run((plume) => plume.json(path));

  await call('/v1/locations');
  broker.clock.advance(600_000);
  await call('/v1/locations');
  expect(broker.tokensIssued()).toBe(2);
  await expect(call('/v1/away')).rejects.toBeInstanceOf(ApiError);
  broker.exhaustBudget(60_000);
  const error = await call('/v1/locations').catch((thrown) => thrown);
  expect(isPlumeError(error) && error.code).toBe('budget_exhausted');
  await broker.stop();
});
