import type { IRole } from 'aws-cdk-lib/aws-iam';
import { ArnFormat, Stack, Token } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';

import { acknowledge } from './acknowledge.ts';
import type { Permission } from './permission.ts';

/** To find clients' secrets and to read them. The broker does not know their names beforehand. */
export function readSecrets(scope: Construct, prefix: string): readonly Permission[] {
  return [
    { actions: ['secretsmanager:GetSecretValue'], resourceArns: [secretsArn(scope, prefix)] },
    // Names and versions, no values. AWS knows no resource for it.
    { actions: ['secretsmanager:ListSecrets'], resourceArns: ['*'] },
  ];
}

/** All secrets below the prefix. */
export function secretsArn(scope: Construct, prefix: string): string {
  return Stack.of(scope).formatArn({
    service: 'secretsmanager',
    resource: 'secret',
    resourceName: `${prefix}/*`,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
}

/** Tells cdk-nag why the role has these permissions. */
export function acknowledgeSecrets(role: IRole, prefix: string): void {
  const { partition, region, account } = Stack.of(role);
  const known = (value: string, name: string): string =>
    Token.isUnresolved(value) ? `<AWS::${name}>` : value;
  const secrets = `arn:${known(partition, 'Partition')}:secretsmanager:${known(region, 'Region')}:${known(account, 'AccountId')}:secret:${prefix}/*`;
  acknowledge(role, {
    [`AwsSolutions-IAM5[Resource::${secrets}]`]:
      'Clients are added by creating a secret, without a deployment',
    'AwsSolutions-IAM5[Resource::*]': 'AWS defines no resource for ListSecrets, nor for writing traces',
  });
}
