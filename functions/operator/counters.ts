import {
  type AttributeValue,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';

import { nextMsOf, readBudgetStatus } from '../../lib/budget/budget-status.ts';
import { isPlausible } from '../../lib/budget/plausible.ts';
import type { BudgetSettings } from '../../lib/budget/settings.ts';
import { type BudgetStream, TABLE } from '../../lib/contract.ts';
import type { OperatorCounters } from './operate.ts';

/**
 * The counters' items as an operator reads and changes them. Errors of the SDK come out as they are.
 *
 * @param settings of the broker: what is plausible follows from them
 */
export function createOperatorCounters({
  dynamodb,
  table,
  settings,
}: {
  readonly dynamodb: DynamoDBClient;
  readonly table: string;
  readonly settings: BudgetSettings;
}): OperatorCounters {
  const itemOf = (budget: string, stream: BudgetStream) => ({
    TableName: table,
    Key: { [TABLE.partitionKey]: { S: TABLE.budgetKey(budget, stream) } },
  });
  const read = async (
    budget: string,
    stream: BudgetStream,
  ): Promise<Readonly<Record<string, AttributeValue>> | undefined> => {
    const { Item } = await dynamodb.send(
      new GetItemCommand({ ...itemOf(budget, stream), ConsistentRead: true }),
    );
    return Item;
  };
  return {
    status: (budget, nowMs) => readBudgetStatus(budget, nowMs, { dynamodb, table, settings }),

    async halfOpen(budget, stream, nowMs) {
      return applied(
        dynamodb.send(
          new UpdateItemCommand({
            ...itemOf(budget, stream),
            UpdateExpression: 'SET blockedUntilMs = :now',
            ConditionExpression: 'blockedUntilMs > :now',
            ExpressionAttributeValues: { ':now': { N: String(nowMs) } },
          }),
        ),
      );
    },

    async heal(budget, stream, nowMs) {
      const item = await read(budget, stream);
      // What cannot be read as a moment is implausible too.
      if (item?.nextMs === undefined || isPlausible(nextMsOf(item), nowMs, stream, settings)) return false;
      return applied(
        dynamodb.send(
          new DeleteItemCommand({
            ...itemOf(budget, stream),
            ConditionExpression: 'nextMs = :seen',
            ExpressionAttributeValues: { ':seen': item.nextMs },
          }),
        ),
      );
    },
  };
}

async function applied(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}
