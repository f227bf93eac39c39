import {
  type AttributeValue,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';

export type Item = Readonly<Record<string, AttributeValue>>;

/** One conditional write of one item: applied or refused, with the item as it is after that; empty if it is not there. */
export interface ConditionalUpdate {
  readonly table: string;
  readonly key: Item;
  readonly update: string;
  readonly condition: string;
  readonly values?: Readonly<Record<string, number | string>>;
  readonly names?: Readonly<Record<string, string>>;
}

/** @throws the SDK's errors as they are, but that of a condition which does not hold */
export async function conditionalUpdate(
  dynamodb: DynamoDBClient,
  { table, key, update, condition, values = {}, names = {} }: ConditionalUpdate,
): Promise<{ readonly applied: boolean; readonly item: Item }> {
  const given = Object.entries(values).map(([name, value]) => [name, attributeOf(value)]);
  const input: UpdateItemCommandInput = {
    TableName: table,
    Key: key,
    UpdateExpression: update,
    ConditionExpression: condition,
    ...(given.length > 0 && { ExpressionAttributeValues: Object.fromEntries(given) }),
    ...(Object.keys(names).length > 0 && { ExpressionAttributeNames: names }),
    ReturnValues: 'ALL_NEW',
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  };
  try {
    const { Attributes = {} } = await dynamodb.send(new UpdateItemCommand(input));
    return { applied: true, item: Attributes };
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    // Some engines refuse without telling; so does DynamoDB when there is no item.
    return { applied: false, item: error.Item ?? (await readByUpdate(dynamodb, { table, key })) };
  }
}

/** An update that removes what is not there changes nothing, and needs no permission to read. Empty if there is no item. */
export async function readByUpdate(
  dynamodb: DynamoDBClient,
  { table, key }: Pick<ConditionalUpdate, 'table' | 'key'>,
): Promise<Item> {
  const [partitionKey = ''] = Object.keys(key);
  try {
    const { Attributes = {} } = await dynamodb.send(
      new UpdateItemCommand({
        TableName: table,
        Key: key,
        UpdateExpression: 'REMOVE nothing',
        ConditionExpression: `attribute_exists(${partitionKey})`,
        ReturnValues: 'ALL_NEW',
      }),
    );
    return Attributes;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return {};
    throw error;
  }
}

function attributeOf(value: number | string): AttributeValue {
  return typeof value === 'number' ? { N: String(value) } : { S: value };
}
