import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';

/**
 * Allows the alarms of this account to publish to a topic and to use its key. Any statement, such as that of `enforceSSL`,
 * replaces SNS's default policy, which allows CloudWatch to publish. The policies of an imported topic or key cannot be
 * changed here: alarms.md says what they need.
 */
export function permitAlarms(scope: Construct, topic: ITopic): void {
  const shared = {
    sid: 'AlarmsToTopic',
    principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
    conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } },
  };
  topic.addToResourcePolicy(
    new PolicyStatement({ ...shared, actions: ['sns:Publish'], resources: [topic.topicArn] }),
  );
  topic.masterKey?.addToResourcePolicy(
    new PolicyStatement({ ...shared, actions: ['kms:Decrypt', 'kms:GenerateDataKey'], resources: ['*'] }),
  );
}
