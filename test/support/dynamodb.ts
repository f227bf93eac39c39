import { randomUUID } from 'node:crypto';

import { DeleteTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';

import { startEngine } from '../../infra/local/dynamodb/engine.ts';
import { createTable } from '../../infra/local/dynamodb/table.ts';
import { LOCAL_SDK_CONFIG } from '../../infra/local/sdk-config.ts';

/** A fresh table with the broker's layout, on dynalite or on the engine named by AWS_ENDPOINT_URL_DYNAMODB. */
export async function startTable(): Promise<{
  client: DynamoDBClient;
  table: string;
  stop(): Promise<void>;
}> {
  const engine = await startEngine(process.env.AWS_ENDPOINT_URL_DYNAMODB);
  const client = new DynamoDBClient({ ...LOCAL_SDK_CONFIG, endpoint: engine.url });
  const table = `plume-${randomUUID()}`;
  await createTable(client, table);
  return {
    client,
    table,
    async stop() {
      await client.send(new DeleteTableCommand({ TableName: table }));
      client.destroy();
      await engine.stop();
    },
  };
}
