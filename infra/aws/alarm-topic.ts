import { Stack } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';

/**
 * Lets the alarms of this account reach a topic. A topic's first statement of its own, such as that of `enforceSSL`, replaces
 * SNS's default policy, which would let CloudWatch publish; and the default policy of a key never lets it. Of what is
 * imported nothing can be changed here: README says what its policies need.
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
