import { Stack } from 'aws-cdk-lib';
import { type CfnRole, type IPrincipal, ManagedPolicy, Policy, Role } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';

/** IAM: how many managed policies a role can have, and how many characters its inline policies together. */
const MAX_MANAGED_POLICIES = 10;
const MAX_INLINE_CHARACTERS = 10_240;

/**
 * How a role exceeds IAM's limits, as a sentence; `undefined` if it does not. The CDK moves what is too much for an
 * inline policy into managed ones, but for roles that are imported, and only warns where those are too many.
 */
export function policyExcess(role: IPrincipal): string | undefined {
  if (!Construct.isConstruct(role)) return undefined;
  const { path, children } = role.node;
  const inline = children.filter((child) => child instanceof Policy);
  const characters = inline.reduce((sum, { document }) => sum + sizeOf(role, document), 0);
  const managed = children.filter((child) => child instanceof ManagedPolicy).length + attachedTo(role);
  const remedy = 'Let another function make the calls of some of the clients';
  if (managed > MAX_MANAGED_POLICIES)
    return `${path} needs ${managed} managed policies for its clients; IAM takes ${MAX_MANAGED_POLICIES}. ${remedy}`;
  if (characters > MAX_INLINE_CHARACTERS)
    return `${path} needs inline policies of ${characters} characters for its clients; IAM takes ${MAX_INLINE_CHARACTERS}. ${remedy}`;
  return undefined;
}

function attachedTo(role: Construct): number {
  if (!(role instanceof Role)) return 0;
  const { managedPolicyArns } = role.node.defaultChild as CfnRole;
  return (Stack.of(role).resolve(managedPolicyArns) as unknown[] | undefined)?.length ?? 0;
}

/** Without white space, as IAM counts. Names that the deployment fills in count as the CDK writes them: about as long. */
function sizeOf(scope: Construct, document: unknown): number {
  return JSON.stringify(Stack.of(scope).resolve(document)).length;
}
