import { type CfnRole, type IPrincipal, ManagedPolicy, Policy, Role } from 'aws-cdk-lib/aws-iam';
import { Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';

/** IAM's limits: managed policies of a role, and characters of all its inline policies together. */
const MAX_MANAGED_POLICIES = 10;
const MAX_INLINE_CHARACTERS = 10_240;

/**
 * The CDK moves statements that do not fit into the inline policy to managed policies, but not those of imported roles, and
 * only warns about too many managed policies.
 *
 * @returns a sentence if the role exceeds IAM's limits
 */
export function policyExcess(role: IPrincipal): string | undefined {
  if (!Construct.isConstruct(role)) return undefined;
  const { path, children } = role.node;
  const inline = children.filter((child) => child instanceof Policy);
  const characters = inline.reduce((sum, { document }) => sum + sizeOf(role, document), 0);
  const managed = children.filter((child) => child instanceof ManagedPolicy).length + attachedTo(role);
  const remedy = 'Give some of the clients to another function';
  if (managed > MAX_MANAGED_POLICIES)
    return `${path} needs ${managed} managed policies for its clients; IAM allows ${MAX_MANAGED_POLICIES}. ${remedy}`;
  if (characters > MAX_INLINE_CHARACTERS)
    return `${path} needs inline policies of ${characters} characters for its clients; IAM allows ${MAX_INLINE_CHARACTERS}. ${remedy}`;
  return undefined;
}

function attachedTo(role: Construct): number {
  if (!(role instanceof Role)) return 0;
  const { managedPolicyArns } = role.node.defaultChild as CfnRole;
  return (Stack.of(role).resolve(managedPolicyArns) as unknown[] | undefined)?.length ?? 0;
}

/** Without white space, as IAM counts. An unknown name counts as long as the CDK's reference to it. */
function sizeOf(scope: Construct, document: unknown): number {
  return JSON.stringify(Stack.of(scope).resolve(document)).length;
}
