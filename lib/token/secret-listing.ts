import { type DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';

import { TABLE } from '../contract.ts';
import { errorReason } from '../error-reason.ts';
import { MintLedgerUnavailableError } from './mint-errors.ts';

/** How far the list of secrets has been read: when the last readings began, Unix ms. */
export interface SecretListing {
  readonly listedAtMs: number;
  /** The last time that all secrets were listed, not just those that had changed. */
  readonly listedAllAtMs: number;
}

/** The item that holds it. Both throw {@link MintLedgerUnavailableError}. */
export interface SecretListingStore {
  read(): Promise<SecretListing | undefined>;
  save(listing: SecretListing): Promise<void>;
}

export function createSecretListingStore({
  client,
  table,
}: {
  client: DynamoDBClient;
  table: string;
}): SecretListingStore {
  const key = { [TABLE.partitionKey]: { S: TABLE.listingKey } };

  return {
    async read() {
      const { Item } = await client
        .send(new GetItemCommand({ TableName: table, Key: key, ConsistentRead: true }))
        .catch((error: unknown) => {
          throw new MintLedgerUnavailableError('read', errorReason(error));
        });
      return Item && { listedAtMs: Number(Item.listedAtMs?.N), listedAllAtMs: Number(Item.listedAllAtMs?.N) };
    },

    async save({ listedAtMs, listedAllAtMs }) {
      const item = {
        ...key,
        listedAtMs: { N: String(listedAtMs) },
        listedAllAtMs: { N: String(listedAllAtMs) },
      };
      await client.send(new PutItemCommand({ TableName: table, Item: item })).catch((error: unknown) => {
        throw new MintLedgerUnavailableError('write', errorReason(error));
      });
    },
  };
}
