import { AttributeType, ProjectionType, TableEncryptionV2, TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { type IKey, Key } from 'aws-cdk-lib/aws-kms';
import { RemovalPolicy, Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';

import { TABLE } from '../../lib/contract.ts';
import { type TableArns, TablePermissions } from './table-permissions.ts';

/** Whose key encrypts the table: one of the account, which costs a dollar a month, or one that AWS owns and does not show. */
export type TableEncryption = 'customer-managed' | 'aws-owned';

export interface BrokerTableProps {
  /** @default - a key of its own, rotated every year, unless AWS owns the key */
  readonly encryptionKey?: IKey | undefined;
  /** @default customer-managed */
  readonly encryption?: TableEncryption | undefined;
  /** @default false */
  readonly deletionProtection?: boolean | undefined;
}

/**
 * Tokens, mints and counters: a cache that one tick fills again, hence deleted with its stack and not backed up.
 */
export class BrokerTable extends Construct {
  readonly table: TableV2;
  /** Undefined: AWS owns the key. */
  readonly encryptionKey: IKey | undefined;
  readonly arns: TableArns;
  readonly permissions: TablePermissions;

  constructor(
    scope: Construct,
    id: string,
    { encryptionKey, encryption = 'customer-managed', deletionProtection = false }: BrokerTableProps = {},
  ) {
    super(scope, id);
    const { dueIndex } = TABLE;
    if (encryption === 'aws-owned' && encryptionKey !== undefined)
      throw new Error("encryption is 'aws-owned', and encryptionKey is a key of yours: choose one of them");
    this.encryptionKey =
      encryption === 'aws-owned'
        ? undefined
        : (encryptionKey ??
          new Key(this, 'Key', {
            description: 'Encrypts M2M access tokens at rest',
            enableKeyRotation: true,
            removalPolicy: RemovalPolicy.DESTROY,
          }));
    this.table = new TableV2(this, 'Table', {
      partitionKey: { name: TABLE.partitionKey, type: AttributeType.STRING },
      timeToLiveAttribute: TABLE.ttl,
      globalSecondaryIndexes: [
        {
          indexName: dueIndex.name,
          partitionKey: { name: dueIndex.partitionKey, type: AttributeType.STRING },
          sortKey: { name: dueIndex.sortKey, type: AttributeType.NUMBER },
          // It only finds clients: records are read from their items. Changes of other attributes cost no second write.
          projectionType: ProjectionType.KEYS_ONLY,
        },
      ],
      encryption:
        this.encryptionKey === undefined
          ? TableEncryptionV2.dynamoOwnedKey()
          : TableEncryptionV2.customerManagedKey(this.encryptionKey),
      removalPolicy: RemovalPolicy.DESTROY,
      deletionProtection,
    });
    this.arns = {
      tableArn: this.table.tableArn,
      keyArn: this.encryptionKey?.keyArn,
      region: Stack.of(this).region,
    };
    this.permissions = new TablePermissions(this.arns);
  }
}
