import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';

/** Exact actions on exact resources. */
export interface Permission {
  readonly actions: string[];
  readonly resourceArns: string[];
  readonly conditions?: Record<string, Record<string, unknown>>;
}

/** Gives all of them to one role. */
export function grantAll(
  grantee: IGrantable,
  [first, ...rest]: readonly [Permission, ...Permission[]],
): Grant {
  return rest.reduce(
    (grant, permission) => grant.combine(Grant.addToPrincipal({ grantee, ...permission })),
    Grant.addToPrincipal({ grantee, ...first }),
  );
}
