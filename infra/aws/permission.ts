import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';

/** Exact actions on exact resources. */
export interface Permission {
  readonly actions: string[];
  readonly resourceArns: string[];
  readonly conditions?: Conditions;
  /** Partition keys of the items of a table. `*` at the end of a key stands for any characters. */
  readonly keys?: readonly string[];
}

/** Values by operator and condition key, as in a policy. */
type Conditions = Record<string, Record<string, unknown>>;

/** Gives all of them to one role. */
export function grantAll(
  grantee: IGrantable,
  [first, ...rest]: readonly [Permission, ...Permission[]],
): Grant {
  return rest.reduce(
    (all, permission) => all.combine(grantOne(grantee, permission)),
    grantOne(grantee, first),
  );
}

/** Adds one statement to the policy of one role. */
export function grantOne(
  grantee: IGrantable,
  { actions, resourceArns, conditions = {}, keys }: Permission,
): Grant {
  const grant = Grant.addToPrincipal({ grantee, actions, resourceArns, conditions });
  if (keys !== undefined) setKeys(grant, keys);
  return grant;
}

/** Replaces the keys of a statement that is added already. */
export function setKeys({ principalStatements }: Grant, keys: readonly string[]): void {
  for (const statement of principalStatements) {
    statement.addCondition(keyOperator(keys), { 'dynamodb:LeadingKeys': keys });
    // `ForAllValues` is true for a request that has no key at all.
    statement.addCondition('Null', { 'dynamodb:LeadingKeys': 'false' });
  }
}

/** The condition operator that compares the keys. */
export function keyOperator(keys: readonly string[]): string {
  return `ForAllValues:${keys.some((key) => key.endsWith('*')) ? 'StringLike' : 'StringEquals'}`;
}
