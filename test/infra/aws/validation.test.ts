import { CfnTable } from 'aws-cdk-lib/aws-dynamodb';
import { AccountPrincipal } from 'aws-cdk-lib/aws-iam';
import { Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { type App, Stack } from 'aws-cdk-lib/core';
import { expect, test } from 'vitest';

import type { Stage } from '../../../infra/aws/stage-schema.ts';
import { TokenBroker } from '../../../infra/aws/token-broker.ts';
import { createApp, createStack, REGION } from './synth.ts';

/** The CDK validates templates by rules of CloudFormation. The tests beside this one synthesize without it. */

const createValidated = (): App => createApp({}, true);

test.each<[string, Partial<Stage>]>([
  ['without options', {}],
  ['with zones and caller functions', { zones: 2, callers: ['mocha'] }],
  [
    'with what else a stage may say',
    {
      clients: ['mocha', 'latte'],
      resultQueues: [`arn:aws:sqs:${REGION}:123456789012:results`],
      alarmTopicArn: `arn:aws:sns:${REGION}:123456789012:alarms`,
      encryption: 'aws-owned',
      metrics: 'all',
      workerTraces: true,
      minterReservedConcurrency: 5,
    },
  ],
])('the CDK finds nothing in a stack %s', (_, stage) => {
  const app = createValidated();
  createStack(stage, app);
  expect(() => app.synth()).not.toThrow();
});

test('the CDK finds nothing in a stack that shares its broker', () => {
  const app = createValidated();
  const stack = new Stack(app, 'Own', { env: { account: '123456789012', region: REGION } });
  const broker = new TokenBroker(stack, 'Broker', { apiUrl: 'https://api.plume.example/' });
  broker.shareWith(new AccountPrincipal('222222222222'), { client: 'latte' });
  expect(() => app.synth()).not.toThrow();
});

test('the CDK finds nothing in a stack that uses the broker of another', () => {
  const app = createValidated();
  const stack = new Stack(app, 'Theirs', { env: { account: '222222222222', region: REGION } });
  const broker = TokenBroker.fromParameter(stack, 'Broker', '/shared/broker');
  const fn = new LambdaFunction(stack, 'Worker', {
    code: Code.fromInline('exports.handler = async () => {}'),
    handler: 'index.handler',
    runtime: Runtime.NODEJS_24_X,
  });
  broker.connect(fn, { client: 'latte' });
  expect(() => app.synth()).not.toThrow();
});

test('the CDK finds what CloudFormation would refuse', () => {
  const app = createValidated();
  const stack = new Stack(app, 'Wrong');
  new CfnTable(stack, 'Table', { keySchema: [{ attributeName: 'pk', keyType: 'HASH' }] });
  expect(() => app.synth()).toThrow('ProvisionedThroughput is required');
});
