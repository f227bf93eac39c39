import {
  type AttributeValue,
  ConditionalCheckFailedException,
  DynamoDBClient,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';

import { LOCAL_SDK_CONFIG } from '../../infra/local/emulators/local.ts';
import { TABLE } from '../../lib/contract.ts';
import { holds, type Item, updated } from './expressions.ts';

/** What a command asks for, as far as {@link ModelTable} knows it. */
export type Input = UpdateItemCommandInput & { readonly Key?: Item; readonly Item?: Item };

/** A table in memory, of which an explorer can make thousands a second. It does what DynamoDB does with these commands. */
export class ModelTable {
  #items = new Map<string, Item>();

  constructor(items: readonly Item[] = []) {
    for (const item of items) this.#items.set(keyOf(item), item);
  }

  /** @throws {ConditionalCheckFailedException} */
  answer(command: string, input: Input): object {
    const key = keyOf(input.Key ?? input.Item ?? {});
    const old = this.#items.get(key);
    const { ConditionExpression: condition } = input;
    if (condition !== undefined && !holds(condition, old ?? {}, input)) {
      throw new ConditionalCheckFailedException({
        message: 'The conditional request failed',
        $metadata: {},
        ...(input.ReturnValuesOnConditionCheckFailure === 'ALL_OLD' && old && { Item: old }),
      });
    }
    switch (command) {
      case 'GetItemCommand':
        return old === undefined ? {} : { Item: old };
      case 'DeleteItemCommand':
        this.#items.delete(key);
        return {};
      case 'PutItemCommand':
        this.#items.set(key, input.Item ?? {});
        return {};
      case 'UpdateItemCommand': {
        const item = updated(input.UpdateExpression ?? '', old ?? { ...input.Key }, input);
        this.#items.set(key, item);
        return input.ReturnValues === 'ALL_NEW' ? { Attributes: item } : {};
      }
      default:
        throw new Error(`this table does not know ${command}`);
    }
  }

  delete(key: string): void {
    this.#items.delete(key);
  }

  has(key: string): boolean {
    return this.#items.has(key);
  }

  state(): readonly Item[] {
    return [...this.#items.values()];
  }
}

function keyOf(item: Item): string {
  const value: AttributeValue | undefined = item[TABLE.partitionKey];
  if (value?.S === undefined) throw new Error('there is no key');
  return value.S;
}

/** A client of the SDK whose requests do not leave the process: `answer` stands for the wire and the service. */
export function clientOf(answer: (command: string, input: Input) => Promise<object>): DynamoDBClient {
  const dynamodb = new DynamoDBClient(LOCAL_SDK_CONFIG);
  dynamodb.middlewareStack.add(
    (_next, { commandName = '' }) =>
      async ({ input }) => ({
        response: {},
        output: { $metadata: {}, ...(await answer(commandName, input as Input)) },
      }),
    { step: 'initialize', priority: 'high', name: 'modelTable' },
  );
  return dynamodb;
}
