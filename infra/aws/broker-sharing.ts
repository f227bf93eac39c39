import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { type ArnPrincipal, PolicyDocument, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { Stack, Token } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';

import { keyConditions, type Permission } from './permission.ts';
import { workerPermissions } from './worker-permissions.ts';

/** DynamoDB's limit of a table's policy, in characters without white space. */
const MAX_TABLE_POLICY = 20_480;

/** What is shared: each part has a policy of its own. */
export interface SharedParts {
  readonly table: TableV2;
  /** Absent: AWS owns the key, and allows every principal that may use the table. */
  readonly encryptionKey: IKey | undefined;
  readonly minter: LambdaFunction;
}

/** A statement of the table's policy, with the keys that it allows so far. */
interface Shared {
  readonly statement: PolicyStatement;
  readonly keys: Set<string>;
}

/**
 * Lets principals of other accounts use a broker: the owner's half, in the policies of table, key and minter. A principal
 * has two statements in the table's policy, however many clients it uses.
 */
export class BrokerSharing {
  readonly #parts: SharedParts;
  /** Principals that may use the key and the minter. */
  readonly #principals = new Set<string>();
  /** By principal and action. */
  readonly #ofTable = new Map<string, Shared>();

  constructor(scope: Construct, parts: SharedParts) {
    this.#parts = parts;
    scope.node.addValidation({ validate: () => this.#validate() });
  }

  /** @throws {Error} if the policy of the key cannot be changed from here */
  share(principal: ArnPrincipal, use: { readonly client: string; readonly budgetName: string }): void {
    const { encryptionKey, table } = this.#parts;
    const { region } = Stack.of(table);
    const keyArn = encryptionKey && '*';
    // In the policy of a resource `*` is that resource: its own ARN would make it refer to itself.
    const permissions = workerPermissions({ tableArn: '*', keyArn, minterArn: '*', region }, use);
    const isNew = !this.#principals.has(nameOf(principal));
    this.#principals.add(nameOf(principal));
    for (const permission of permissions) {
      const service = permission.actions[0]?.split(':')[0];
      if (service === 'dynamodb') this.#allowTable(principal, permission);
      else if (!isNew) continue;
      else if (encryptionKey && service === 'kms') this.#allowKey(encryptionKey, principal, permission);
      else this.#allowMinter(principal, permission);
    }
  }

  #allowKey(key: IKey, principal: ArnPrincipal, permission: Permission): void {
    if (key.addToResourcePolicy(statementOf(principal, permission)).statementAdded) return;
    throw new Error(
      `${this.#parts.table.node.path} is encrypted with an imported key, whose policy cannot be changed here. To share the broker, encrypt it with a key of this app, or leave encryptionKey out`,
    );
  }

  #allowMinter(principal: ArnPrincipal, { actions }: Permission): void {
    for (const action of actions)
      this.#parts.minter.addPermission(`UseBy${nameOf(principal)}`, { principal, action });
  }

  #allowTable(principal: ArnPrincipal, { keys = [], ...permission }: Permission): void {
    const id = [nameOf(principal), ...permission.actions].join();
    const shared = this.#ofTable.get(id) ?? {
      statement: statementOf(principal, permission),
      keys: new Set(),
    };
    if (!this.#ofTable.has(id)) this.#parts.table.addToResourcePolicy(shared.statement);
    this.#ofTable.set(id, shared);
    for (const key of keys) shared.keys.add(key);
    shared.statement.addConditions(keyConditions([...shared.keys]));
  }

  #validate(): string[] {
    const { table } = this.#parts;
    const statements = [...this.#ofTable.values()].map(({ statement }) => statement);
    if (statements.length === 0) return [];
    const characters = JSON.stringify(Stack.of(table).resolve(new PolicyDocument({ statements }))).length;
    if (characters <= MAX_TABLE_POLICY) return [];
    return [
      `the policy of ${table.node.path} has ${characters} characters for the principals that share the broker; DynamoDB allows ${MAX_TABLE_POLICY}. Share fewer clients, or with fewer principals`,
    ];
  }
}

/** The ARN of an account is known at deployment, its number before. */
function nameOf({ arn, principalAccount }: ArnPrincipal): string {
  return Token.isUnresolved(arn) ? (principalAccount ?? arn) : arn;
}

function statementOf(
  principal: ArnPrincipal,
  { actions, resourceArns, conditions = {} }: Permission,
): PolicyStatement {
  return new PolicyStatement({ principals: [principal], actions, resources: resourceArns, conditions });
}
