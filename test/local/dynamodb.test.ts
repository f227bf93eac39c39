import { PutItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';

import { TABLE } from '../../lib/contract.ts';
import { startTable } from '../support/dynamodb.ts';

test('the table has the key and the due index of the contract', async () => {
  const { client, table, stop } = await startTable();
  try {
    for (const [name, dueAtMs] of [
      ['mocha', '20'],
      ['latte', '10'],
    ] as const) {
      const Item = { pk: { S: TABLE.mintKey(name) }, due: { S: 'mint' }, dueAtMs: { N: dueAtMs } };
      await client.send(new PutItemCommand({ TableName: table, Item }));
    }
    const { Items } = await client.send(
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
