import {
  type AttributeValue,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
} from '@aws-sdk/client-dynamodb';
import {
  DescribeSecretCommand,
  ResourceNotFoundException,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';

import { TABLE } from '../../lib/contract.ts';
import { ConfigError } from '../../lib/errors.ts';

/** What the operator may do to a client: never read its token or its secret. */
export interface OperatorClients {
  /** Of the token in service; undefined if there is none. */
  fingerprint(client: string): Promise<string | undefined>;
  /**
   * Deletes the client's token, its record and its request.
   *
   * @throws {ConfigError} its secret is still there: the next tick would mint again
   */
  forget(client: string): Promise<void>;
}

export function createOperatorClients({
  dynamodb,
  secretsManager,
  table,
  secretPrefix,
}: {
  readonly dynamodb: DynamoDBClient;
  readonly secretsManager: SecretsManagerClient;
  readonly table: string;
  readonly secretPrefix: string;
}): OperatorClients {
  const keyOf = (key: string): Record<string, AttributeValue> => ({ [TABLE.partitionKey]: { S: key } });

  return {
    async fingerprint(client) {
      const { Item } = await dynamodb.send(
        new GetItemCommand({
          TableName: table,
          Key: keyOf(TABLE.tokenKey(client)),
          ProjectionExpression: 'fingerprint',
          ConsistentRead: true,
        }),
      );
      return Item?.fingerprint?.S;
    },

    async forget(client) {
      const secretName = `${secretPrefix}/${client}`;
      if (await isThere(secretsManager, secretName)) {
        throw new ConfigError(
          `the client ${client} was not forgotten: its secret ${secretName} still exists, so the next tick would mint again. Delete the secret first: aws secretsmanager delete-secret --secret-id ${secretName}`,
        );
      }
      // The record first: without it no tick renews the token that is deleted after it.
      for (const key of [TABLE.mintKey(client), TABLE.tokenKey(client), TABLE.requestKey(client)])
        await dynamodb.send(new DeleteItemCommand({ TableName: table, Key: keyOf(key) }));
    },
  };
}

/** A secret that is scheduled for deletion counts as deleted: it can be read no more. */
async function isThere(secretsManager: SecretsManagerClient, name: string): Promise<boolean> {
  try {
    const { DeletedDate } = await secretsManager.send(new DescribeSecretCommand({ SecretId: name }));
    return DeletedDate === undefined;
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return false;
    throw error;
  }
}
