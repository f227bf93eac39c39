import * as cdk from 'aws-cdk-lib/core';
import type { IConstruct } from 'constructs';

/**
 * Where this code departs from a rule of cdk-nag on purpose, and why. A test holds both packs against the stack.
 *
 * @param rules reasons by the rule's name, such as `AwsSolutions-SQS3`
 */
export function acknowledge(construct: IConstruct, rules: Readonly<Record<string, string>>): void {
  // A CDK below 2.264 has none, and cdk-nag for it no place for reasons like these.
  if (!('Validations' in cdk)) return;
  for (const [rule, reason] of Object.entries(rules)) {
    const [pack] = rule.split('-');
    acknowledgeOne(cdk.Validations.of(construct), { id: `${pack}::${rule}`, reason });
  }
}

/** The first CDKs that have validations refuse ids such as `AwsSolutions::AwsSolutions-IAM5[Resource::*]`, which cdk-nag gives. */
function acknowledgeOne(validations: cdk.Validations, acknowledgement: { id: string; reason: string }): void {
  try {
    validations.acknowledge(acknowledgement);
  } catch (error) {
    // Only cdk-nag needs the reason: a stack is synthesised without it.
    if (!/validation rule ID/.test(String(error))) throw error;
  }
}
