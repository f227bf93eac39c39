import {
  type AttributeValue,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';

import { TABLE } from '../contract.ts';
import { errorReason } from '../platform/error-reason.ts';
import { type ClientRecord, clientRecordOf } from './client-record.ts';
import { ClientRecordsUnavailableError } from './errors.ts';

type Value = string | number | boolean | Readonly<Record<string, number>> | undefined;
export type Values = Readonly<Record<string, Value>>;

/** One conditional update. What is `undefined` in `set` is left as it is. */
export interface ClientItemChange {
  readonly set?: Values;
  /** What keeps its value if it has one. */
  readonly setOnce?: Values;
  readonly remove?: readonly string[];
  readonly condition: string;
  /** Values that the condition names, such as `:now`. */
  readonly values: Values;
}

/** Reads and changes `mint#<client>` items. Both throw {@link ClientRecordsUnavailableError}. */
export interface ClientItems {
  read(client: string): Promise<ClientRecord | undefined>;
  /** The record after the update, or undefined if the condition does not hold. */
  update(client: string, change: ClientItemChange): Promise<ClientRecord | undefined>;
}

export function createClientItems({
  dynamodb,
  table,
}: {
  dynamodb: DynamoDBClient;
  table: string;
}): ClientItems {
  const addressed = (client: string) => ({
    TableName: table,
    Key: { [TABLE.partitionKey]: { S: TABLE.mintKey(client) } },
  });

  return {
    async read(client) {
      try {
        const { Item } = await dynamodb.send(
          new GetItemCommand({ ...addressed(client), ConsistentRead: true }),
        );
        return Item && clientRecordOf(Item);
      } catch (error) {
        throw new ClientRecordsUnavailableError('read', errorReason(error), client);
      }
    },

    async update(client, { condition, values, ...change }) {
      const { expression, names, assigned } = updateExpression(change);
      try {
        const { Attributes = {} } = await dynamodb.send(
          new UpdateItemCommand({
            ...addressed(client),
            UpdateExpression: expression,
            ConditionExpression: condition,
            ExpressionAttributeNames: names,
            ExpressionAttributeValues: { ...assigned, ...attributes(Object.entries(values)) },
            ReturnValues: 'ALL_NEW',
          }),
        );
        return clientRecordOf(Attributes);
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return undefined;
        throw new ClientRecordsUnavailableError('write', errorReason(error), client);
      }
    },
  };
}

/** `SET #s0 = :s0, … REMOVE #r0, …`: every name by reference, since some are reserved words. */
function updateExpression({
  set = {},
  setOnce = {},
  remove = [],
}: Omit<ClientItemChange, 'condition' | 'values'>): {
  expression: string;
  names: Record<string, string>;
  assigned: Record<string, AttributeValue>;
} {
  const entries = Object.entries({ ...setOnce, ...set }).filter(([, value]) => value !== undefined);
  const assignments = entries.map(([name], index) =>
    name in setOnce ? `#s${index} = if_not_exists(#s${index}, :s${index})` : `#s${index} = :s${index}`,
  );
  const clauses = [
    ...(entries.length > 0 ? [`SET ${assignments.join(', ')}`] : []),
    ...(remove.length > 0 ? [`REMOVE ${remove.map((_, index) => `#r${index}`).join(', ')}`] : []),
  ];
  return {
    expression: clauses.join(' '),
    names: {
      ...Object.fromEntries(entries.map(([name], index) => [`#s${index}`, name])),
      ...Object.fromEntries(remove.map((name, index) => [`#r${index}`, name])),
    },
    assigned: attributes(entries.map(([, value], index) => [`:s${index}`, value])),
  };
}

function attributes(entries: [string, Value][]): Record<string, AttributeValue> {
  return Object.fromEntries(entries.map(([name, value]) => [name, attribute(value)]));
}

function attribute(value: Value): AttributeValue {
  if (typeof value === 'object') return { M: attributes(Object.entries(value)) };
  if (typeof value === 'boolean') return { BOOL: value };
  return typeof value === 'number' ? { N: String(value) } : { S: String(value) };
}
