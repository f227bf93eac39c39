import { DynamoDBClient, GetItemCommand, PutItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';

import { startCountingProxy } from '../../../../infra/local/emulators/dynamodb/counting-proxy.ts';
import { LOCAL_SDK_CONFIG } from '../../../../infra/local/emulators/local.ts';
import type { UntimedEvent } from '../../../../infra/local/run/events.ts';
import { TABLE } from '../../../../lib/contract.ts';
import { startTable } from '../../../fixtures/table.ts';

test('the table has the key and the due index of the contract', async () => {
  const { dynamodb, table, stop } = await startTable();
  try {
    for (const [name, dueAtMs] of [
      ['mocha', '20'],
      ['latte', '10'],
    ] as const) {
      const Item = { pk: { S: TABLE.mintKey(name) }, due: { S: 'mint' }, dueAtMs: { N: dueAtMs } };
      await dynamodb.send(new PutItemCommand({ TableName: table, Item }));
    }
    const { Items } = await dynamodb.send(
      new QueryCommand({
        TableName: table,
        IndexName: TABLE.dueIndex.name,
        KeyConditionExpression: 'due = :due AND dueAtMs <= :now',
        ExpressionAttributeValues: { ':due': { S: 'mint' }, ':now': { N: '15' } },
      }),
    );
    expect(Items?.map(({ pk }) => pk?.S)).toEqual(['mint#latte']);
  } finally {
    await stop();
  }
});

test('the proxy counts requests by operation, and can take the table away', async () => {
  const { dynamodb, table, stop } = await startTable();
  const events: UntimedEvent[] = [];
  const engineUrl = await dynamodb.config.endpoint?.();
  const { protocol, hostname, port } = engineUrl as { protocol: string; hostname: string; port: number };
  const proxy = await startCountingProxy(`${protocol}//${hostname}:${port}`, (event) => events.push(event));
  const through = new DynamoDBClient({ ...LOCAL_SDK_CONFIG, endpoint: proxy.url, maxAttempts: 1 });
  const get = () => through.send(new GetItemCommand({ TableName: table, Key: { pk: { S: 'token#mocha' } } }));
  try {
    expect((await get()).Item).toBeUndefined();
    proxy.setAway(true);
    await expect(get()).rejects.toThrow();
    proxy.setAway(false);
    await get();
    expect(events).toEqual(
      [200, 0, 200].map((status) => ({ kind: 'table-request', operation: 'GetItem', status })),
    );
  } finally {
    through.destroy();
    await proxy.stop();
    await stop();
  }
});
