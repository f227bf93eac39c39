import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import { AttributeType, ProjectionType, TableEncryptionV2, TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { type IKey, Key } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';

import { TABLE } from '../../lib/contract.ts';
import type { Permission } from './permission.ts';

export interface BrokerTableProps {
  /** @default - a key of its own, rotated every year */
  readonly encryptionKey?: IKey | undefined;
  /** @default false */
  readonly deletionProtection?: boolean | undefined;
}

/**
 * What DynamoDB asks of whoever reads or writes a table that a customer's key encrypts.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
 */
const KEY_ACTIONS = [
  'kms:Decrypt',
  'kms:DescribeKey',
  'kms:Encrypt',
  'kms:GenerateDataKey',
  'kms:GenerateDataKeyWithoutPlaintext',
  'kms:ReEncryptFrom',
  'kms:ReEncryptTo',
];

/**
 * Tokens, mints and counters: a cache that one tick fills again, hence deleted with its stack and not backed up. Roles
 * get single actions on items with certain keys; there is no grant of the whole table.
 */
export class BrokerTable extends Construct {
  readonly table: TableV2;
  readonly encryptionKey: IKey;

  constructor(
    scope: Construct,
    id: string,
    { encryptionKey, deletionProtection = false }: BrokerTableProps = {},
  ) {
    super(scope, id);
    const { dueIndex } = TABLE;
    this.encryptionKey =
      encryptionKey ??
      new Key(this, 'Key', {
        description: 'Encrypts M2M access tokens at rest',
        enableKeyRotation: true,
        removalPolicy: RemovalPolicy.DESTROY,
      });
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
      encryption: TableEncryptionV2.customerManagedKey(this.encryptionKey),
      removalPolicy: RemovalPolicy.DESTROY,
      deletionProtection,
    });
  }

  /** Single items. A key that ends in `*` stands for all that begin so. */
  items(action: 'GetItem' | 'PutItem' | 'UpdateItem', keys: readonly string[]): Permission {
    return { actions: [`dynamodb:${action}`], resourceArns: [this.table.tableArn], keys };
  }

  /** The index of clients whose token is due. */
  queryDue(): Permission {
    return {
      actions: ['dynamodb:Query'],
      resourceArns: [`${this.table.tableArn}/index/${TABLE.dueIndex.name}`],
    };
  }

  /** The table's key, through DynamoDB alone. */
  useKey(): Permission {
    return {
      actions: KEY_ACTIONS,
      resourceArns: [this.encryptionKey.keyArn],
      conditions: { StringEquals: { 'kms:ViaService': `dynamodb.${Stack.of(this).region}.amazonaws.com` } },
    };
  }
}
