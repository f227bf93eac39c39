import { type DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';

import { TABLE } from '../contract.ts';
import { errorReason } from '../platform/error-reason.ts';
import { ClientRecordsUnavailableError } from './errors.ts';

/** How far the list of secrets has been read. Moments in Unix ms. */
export interface SecretListing {
  /** When the last reading of what had changed began. */
  readonly listedAtMs: number;
  /** When the last reading of all secrets began. */
  readonly allBegunAtMs: number;
  /** Where the reading of all secrets goes on, if it is under way. */
  readonly cursor?: string | undefined;
  /** Clients that the last list of all secrets lacked, and since when. */
  readonly missing: Readonly<Record<string, number>>;
}

/** The item that holds it. Both throw {@link ClientRecordsUnavailableError}. */
export interface SecretListingStore {
  read(): Promise<SecretListing | undefined>;
  save(listing: SecretListing): Promise<void>;
}

export function createSecretListingStore({
  dynamodb,
  table,
}: {
  dynamodb: DynamoDBClient;
  table: string;
}): SecretListingStore {
  const key = { [TABLE.partitionKey]: { S: TABLE.listingKey } };

  return {
    async read() {
      const { Item } = await dynamodb
        .send(new GetItemCommand({ TableName: table, Key: key, ConsistentRead: true }))
        .catch((error: unknown) => {
          throw new ClientRecordsUnavailableError('read', errorReason(error));
        });
      return (
        Item && {
          listedAtMs: Number(Item.listedAtMs?.N),
          allBegunAtMs: Number(Item.allBegunAtMs?.N),
          cursor: Item.cursor?.S,
          missing: Object.fromEntries(
            Object.entries(Item.missingSinceMs?.M ?? {}).map(([client, { N }]) => [client, Number(N)]),
          ),
        }
      );
    },

    async save({ listedAtMs, allBegunAtMs, cursor, missing }) {
      const item = {
        ...key,
        listedAtMs: { N: String(listedAtMs) },
        allBegunAtMs: { N: String(allBegunAtMs) },
        ...(cursor !== undefined && { cursor: { S: cursor } }),
        missingSinceMs: {
          M: Object.fromEntries(
            Object.entries(missing).map(([client, sinceMs]) => [client, { N: String(sinceMs) }]),
          ),
        },
      };
      await dynamodb.send(new PutItemCommand({ TableName: table, Item: item })).catch((error: unknown) => {
        throw new ClientRecordsUnavailableError('write', errorReason(error));
      });
    },
  };
}
