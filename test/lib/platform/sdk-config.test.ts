import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';
import { LOCAL_SDK_CONFIG } from '../../../infra/local/emulators/local.ts';
import { startLoopbackServer } from '../../../infra/local/emulators/loopback-server.ts';
import { errorReason } from '../../../lib/platform/error-reason.ts';
import { SDK_CONFIG } from '../../../lib/platform/sdk-config.ts';

test('a service that accepts and stays silent is given up after three attempts', async () => {
  let requests = 0;
  const server = await startLoopbackServer(() => {
    requests += 1;
    return new Promise(() => {});
  });
  // The configuration as it is, in a shorter time.
  const requestHandler = { ...SDK_CONFIG.requestHandler, requestTimeout: 30 };
  const client = new DynamoDBClient({
    ...LOCAL_SDK_CONFIG,
    ...SDK_CONFIG,
    requestHandler,
    endpoint: server.url,
  });
  const error = await client
    .send(new GetItemCommand({ TableName: 'table', Key: { pk: { S: 'key' } } }))
    .catch((thrown: unknown) => thrown);
  expect(errorReason(error)).toBe('ETIMEDOUT');
  expect(requests).toBe(SDK_CONFIG.maxAttempts);
  client.destroy();
  await server.stop();
});
