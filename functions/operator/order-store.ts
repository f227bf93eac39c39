import {
  type AttributeValue,
  type DynamoDBClient,
  GetItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';

import { noteOrder } from '../../lib/budget/dynamo-orders.ts';
import { orderAttribute, ordersOf } from '../../lib/budget/orders.ts';
import { TABLE } from '../../lib/contract.ts';
import type { Now } from '../../lib/platform/clock.ts';
import type { OrderStore } from './operate.ts';

/** The `order#<budget>` items. Errors of the SDK are thrown unchanged: the operator sees them. */
export function createOrderStore({
  dynamodb,
  table,
  now,
}: {
  dynamodb: DynamoDBClient;
  table: string;
  /** Corrected. */
  now: Now;
}): OrderStore {
  const keyOf = (budget: string): Record<string, AttributeValue> => ({
    [TABLE.partitionKey]: { S: TABLE.orderKey(budget) },
  });
  const update = async (
    budget: string,
    expression: string,
    values?: Readonly<Record<string, AttributeValue>>,
  ): Promise<void> => {
    await dynamodb.send(
      new UpdateItemCommand({
        TableName: table,
        Key: keyOf(budget),
        UpdateExpression: expression,
        ...(values && { ExpressionAttributeValues: values }),
      }),
    );
    // When the order is written: an instance that sees it looks at once.
    await noteOrder({ dynamodb, table, budget }, now());
  };

  return {
    async read(budget) {
      const { Item } = await dynamodb.send(
        new GetItemCommand({ TableName: table, Key: keyOf(budget), ConsistentRead: true }),
      );
      return ordersOf(Item);
    },
    write: (budget, orders) =>
      'pause' in orders
        ? update(budget, 'SET pause = :order', { ':order': orderAttribute(orders.pause) })
        : update(budget, 'SET slow = :order', { ':order': orderAttribute(orders.slow) }),
    end: (budget) => update(budget, 'REMOVE pause, slow'),
    lifted: (budget, nowMs) => update(budget, 'SET liftedAtMs = :now', { ':now': { N: String(nowMs) } }),
  };
}
