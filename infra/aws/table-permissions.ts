import { type BudgetStream, TABLE } from '../../lib/contract.ts';
import type { Permission } from './permission.ts';

/** A broker's table and its key, by name. */
export interface TableArns {
  readonly tableArn: string;
  /** Of the customer-managed key that encrypts the table. Absent: DynamoDB encrypts it with a key of AWS. */
  readonly keyArn?: string | undefined;
  /** Where the table is, such as `eu-central-1`. */
  readonly region: string;
}

/**
 * What a role needs to read or write a DynamoDB table that a customer-managed key encrypts.
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

/** What roles may do with the table: single actions on items with certain keys. There is no grant of the whole table. */
export class TablePermissions {
  readonly #arns: TableArns;

  constructor(arns: TableArns) {
    this.#arns = arns;
  }

  /** Single items. A key that ends in `*` stands for all that begin so. */
  items(action: 'GetItem' | 'PutItem' | 'UpdateItem' | 'DeleteItem', keys: readonly string[]): Permission {
    return { actions: [`dynamodb:${action}`], resourceArns: [this.#arns.tableArn], keys };
  }

  /** To take tickets of streams, and to tell their circuit breakers what the WAF answers. */
  tickets(budget: string, streams: readonly BudgetStream[]): Permission {
    return this.items(
      'UpdateItem',
      streams.map((stream) => TABLE.budgetKey(budget, stream)),
    );
  }

  /** The index of clients whose token is due. */
  queryDue(): Permission {
    return {
      actions: ['dynamodb:Query'],
      resourceArns: [`${this.#arns.tableArn}/index/${TABLE.dueIndex.name}`],
    };
  }

  /** The table's key, only through DynamoDB. AWS's own key needs no permission. */
  useKey(): Permission[] {
    const { keyArn, region } = this.#arns;
    if (keyArn === undefined) return [];
    return [
      {
        actions: KEY_ACTIONS,
        resourceArns: [keyArn],
        conditions: { StringEquals: { 'kms:ViaService': `dynamodb.${region}.amazonaws.com` } },
      },
    ];
  }
}
