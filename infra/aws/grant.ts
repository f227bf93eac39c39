import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';

import { keyConditions, type Permission } from './permission.ts';

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
  for (const statement of principalStatements)
    for (const [operator, values] of Object.entries(keyConditions(keys)))
      statement.addCondition(operator, values);
}
