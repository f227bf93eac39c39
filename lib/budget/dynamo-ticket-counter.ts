import {
  type AttributeValue,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';

import { type BudgetStream, TABLE } from '../contract.ts';
import type { BudgetSettings } from './settings.ts';
import type { CounterReply, CounterState, TicketCounter } from './ticket-counter.ts';

const { blockedUntil } = TABLE;
const NOT_BLOCKED = `(attribute_not_exists(${blockedUntil}) OR ${blockedUntil} <= :now)`;

/**
 * The counters as one DynamoDB item per stream: `nextMs` and `blockedUntilMs`, both Unix ms. `UpdateItem` is the only
 * action used, so that it is all a worker's role needs. The client's own time-outs and retries apply; a retried write
 * costs tickets, never the bound. Errors of the SDK come out as they are.
 */
export function createDynamoTicketCounter(dependencies: {
  client: DynamoDBClient;
  table: string;
  settings: Pick<BudgetSettings, 'name'>;
}): TicketCounter {
  const { client, table, settings } = dependencies;

  const update = (stream: BudgetStream, input: Partial<UpdateItemCommandInput>) =>
    client.send(
      new UpdateItemCommand({
        TableName: table,
        Key: { [TABLE.partitionKey]: { S: TABLE.budgetKey(settings.name, stream) } },
        ...input,
      }),
    );

  /** An update that removes what is not there changes nothing, and needs no permission to read. */
  const read = async (stream: BudgetStream): Promise<CounterState> => {
    try {
      const condition = `attribute_exists(${TABLE.partitionKey})`;
      const { Attributes } = await update(stream, {
        UpdateExpression: 'REMOVE nothing',
        ConditionExpression: condition,
        ReturnValues: 'ALL_NEW',
      });
      return stateOf(Attributes);
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return {};
      throw error;
    }
  };

  const write = async (
    stream: BudgetStream,
    change: { set: string; condition: string; values: Record<string, number> },
  ): Promise<CounterReply> => {
    try {
      const { Attributes } = await update(stream, {
        UpdateExpression: `SET ${change.set}`,
        ConditionExpression: change.condition,
        ExpressionAttributeValues: numbers(change.values),
        ReturnValues: 'ALL_NEW',
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      });
      return { applied: true, state: stateOf(Attributes) };
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      // Some engines refuse without telling; so does DynamoDB when there is no item.
      return { applied: false, state: error.Item ? stateOf(error.Item) : await read(stream) };
    }
  };

  return {
    read,
    take: (stream, { advanceMs, floorMs, ceilMs, nowMs }) =>
      write(stream, {
        set: 'nextMs = nextMs + :advance',
        condition: `nextMs BETWEEN :floor AND :ceil AND ${NOT_BLOCKED}`,
        values: { ':advance': advanceMs, ':floor': floorMs, ':ceil': ceilMs, ':now': nowMs },
      }),
    skip: (stream, { nextMs, floorMs, nowMs }) =>
      write(stream, {
        set: 'nextMs = :next',
        condition: `nextMs < :floor AND ${NOT_BLOCKED}`,
        values: { ':next': nextMs, ':floor': floorMs, ':now': nowMs },
      }),
    init: (stream, { nextMs, nowMs }) =>
      write(stream, {
        set: 'nextMs = :next',
        condition: `attribute_not_exists(nextMs) AND ${NOT_BLOCKED}`,
        values: { ':next': nextMs, ':now': nowMs },
      }),
    async block(stream, untilMs) {
      try {
        await update(stream, {
          UpdateExpression: `SET ${blockedUntil} = :until`,
          ConditionExpression: `attribute_not_exists(${blockedUntil}) OR ${blockedUntil} < :until`,
          ExpressionAttributeValues: numbers({ ':until': untilMs }),
        });
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
      }
    },
  };
}

function stateOf(item: Record<string, AttributeValue> | undefined): CounterState {
  const nextMs = numberOf(item?.nextMs);
  const blockedUntilMs = numberOf(item?.[blockedUntil]);
  return { ...(nextMs !== undefined && { nextMs }), ...(blockedUntilMs !== undefined && { blockedUntilMs }) };
}

function numberOf(value: AttributeValue | undefined): number | undefined {
  return value?.N === undefined ? undefined : Number(value.N);
}

function numbers(values: Record<string, number>): Record<string, AttributeValue> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { N: String(value) }]));
}
