import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';

import { type BudgetStream, TABLE } from '../contract.ts';
import { ordersOf } from './orders.ts';
import type { OrderReader } from './orders-view.ts';

interface Where {
  readonly dynamodb: DynamoDBClient;
  readonly table: string;
  /** The budget's name. */
  readonly budget: string;
}

/** Reads the orders' item as it is at that moment: the counters may have told of an order an instant ago. */
export function createDynamoOrderReader({ dynamodb, table, budget }: Where): OrderReader {
  return {
    async read() {
      const { Item } = await dynamodb.send(
        new GetItemCommand({
          TableName: table,
          Key: { [TABLE.partitionKey]: { S: TABLE.orderKey(budget) } },
          ConsistentRead: true,
        }),
      );
      return ordersOf(Item);
    },
  };
}

/**
 * Notes in both counters that an order was given, when its item is written: so every instance learns of it with its next
 * reservation, and looks. For the operator function, which need not see what the counters hold.
 */
export async function noteOrder({ dynamodb, table, budget }: Where, orderedAtMs: number): Promise<void> {
  await Promise.all(
    (['worker', 'minter'] satisfies BudgetStream[]).map(async (stream) => {
      try {
        await dynamodb.send(
          new UpdateItemCommand({
            TableName: table,
            Key: { [TABLE.partitionKey]: { S: TABLE.budgetKey(budget, stream) } },
            UpdateExpression: 'SET orderedAtMs = :at',
            ConditionExpression: 'attribute_not_exists(orderedAtMs) OR orderedAtMs < :at',
            ExpressionAttributeValues: { ':at': { N: String(orderedAtMs) } },
          }),
        );
      } catch (error) {
        // A later order is noted already.
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
      }
    }),
  );
}
