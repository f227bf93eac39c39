import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';

/** Exact actions on exact resources. */
export interface Permission {
  readonly actions: string[];
  readonly resourceArns: string[];
  readonly conditions?: Conditions;
  /** Of a table's items: their keys. One that ends in `*` stands for all that begin so. */
  readonly keys?: readonly string[];
}

/** Values by operator and condition key. */
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

/** One statement. */
export function grantOne(
  grantee: IGrantable,
  { actions, resourceArns, conditions = {}, keys }: Permission,
): Grant {
  const grant = Grant.addToPrincipal({ grantee, actions, resourceArns, conditions });
  if (keys !== undefined) setKeys(grant, keys);
  return grant;
}

/** Replaces the keys that a statement is for. */
export function setKeys({ principalStatements }: Grant, keys: readonly string[]): void {
  for (const statement of principalStatements) {
    statement.addCondition(keyOperator(keys), { 'dynamodb:LeadingKeys': keys });
    // `ForAllValues` is true for a request without any key.
    statement.addCondition('Null', { 'dynamodb:LeadingKeys': 'false' });
  }
}

export function keyOperator(keys: readonly string[]): string {
  return `ForAllValues:${keys.some((key) => key.endsWith('*')) ? 'StringLike' : 'StringEquals'}`;
}
