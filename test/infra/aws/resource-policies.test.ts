import { Template } from 'aws-cdk-lib/assertions';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { Stack } from 'aws-cdk-lib/core';
import { describe, expect, test } from 'vitest';

import { Monitoring } from '../../../infra/aws/monitoring.ts';
import { TokenBroker } from '../../../infra/aws/token-broker.ts';
import { type AwsRequest, refusalsOf, type Statement, statementsOf } from '../../fixtures/iam/account.ts';
import { ACCOUNT, DEPLOYER, deploy, REGION } from '../../fixtures/iam/cloudformation.ts';
import { platformRequests } from '../../fixtures/iam/platform-requests.ts';
import { createApp, synth } from './synth.ts';

/** Every resource policy, followed from who uses it: IAM decides, with the template's own statements. */

const isPolicyOf = (service: string) => (statement: Statement) =>
  statement.kind === 'resource' && statement.of.startsWith(`arn:aws:${service}:`);

describe.each([0, 2])('in a stack with %i zones', (zones) => {
  const resources = deploy(synth({ zones }));
  const statements = statementsOf(resources);
  const requests = platformRequests(resources);

  test('IAM allows every request that AWS makes on behalf of a resource', async () => {
    expect(requests.length).toBeGreaterThan(40);
    expect(await refusalsOf(requests, statements)).toEqual([]);
  });

  test('without any one statement of a resource policy that allows, IAM refuses such a request', async () => {
    for (const removed of statements) {
      if (removed.kind !== 'resource' || removed.body.Effect === 'Deny') continue;
      const left = statements.filter((statement) => statement !== removed);
      expect(await refusalsOf(requests, left), `without ${JSON.stringify(removed)}`).not.toEqual([]);
    }
  });

  test.each([
    ['sns', 'sns:Publish'],
    ['sqs', 'sqs:SendMessage'],
  ])('every resource of %s takes %s over TLS alone, even from an administrator', async (service, action) => {
    const arns = new Set(statements.filter(isPolicyOf(service)).map(({ of }) => of));
    expect(arns.size).toBe(
      resources.filter(
        ({ type }) => /^AWS::(SNS::Topic|SQS::Queue)$/.test(type) && type.toLowerCase().includes(service),
      ).length,
    );
    for (const resource of arns) {
      const request = (isOverTls: boolean): AwsRequest => ({
        purpose: 'an administrator sends',
        principal: DEPLOYER,
        action,
        resource,
        context: { 'aws:SecureTransport': String(isOverTls) },
      });
      expect(await refusalsOf([request(true)], statements)).toEqual([]);
      expect(await refusalsOf([request(false)], statements)).toEqual([
        expect.stringContaining('ExplicitlyDenied'),
      ]);
    }
  });
});

test('the code of a function in a VPC may not manage network interfaces as Lambda does in its name', async () => {
  const resources = deploy(synth({ zones: 2 }));
  const ofLambda = platformRequests(resources).filter(({ action }) => action.startsWith('ec2:'));
  expect(ofLambda.length).toBeGreaterThan(0);
  const ofCode = ofLambda.map((request) => ({
    ...request,
    purpose: 'code attaches an interface',
    context: { 'lambda:SourceFunctionArn': `arn:aws:lambda:${REGION}:${ACCOUNT}:function:any` },
  }));
  const refusals = await refusalsOf(ofCode, statementsOf(resources));
  expect(refusals.filter((refusal) => refusal.includes('ExplicitlyDenied')).length).toBe(ofCode.length);
});

test('a queue that another one redrives to takes that, and the dead ticks take nothing from queues', () => {
  const queues = deploy(synth()).filter(({ type }) => type === 'AWS::SQS::Queue');
  const targets = queues.flatMap(({ properties }) => properties.RedrivePolicy?.deadLetterTargetArn ?? []);
  expect(targets.length).toBe(1);
  const denying = queues
    .filter(({ properties }) => properties.RedriveAllowPolicy?.redrivePermission === 'denyAll')
    .map(({ arn }) => arn);
  expect(denying).toEqual([expect.stringContaining('DeadTicks')]);
  expect(denying).not.toContain(targets[0]);
});

describe('alarms reach', () => {
  const ownTopics: Readonly<Record<string, (stack: Stack) => Topic>> = {
    'a topic of the app': (stack) => new Topic(stack, 'Mine'),
    'a topic of the app that takes TLS alone': (stack) => new Topic(stack, 'Mine', { enforceSSL: true }),
    'a topic of the app under a key of the app': (stack) =>
      new Topic(stack, 'Mine', { enforceSSL: true, masterKey: new Key(stack, 'MyKey') }),
  };

  test.each(Object.entries(ownTopics))('%s', async (_, createTopic) => {
    const stack = new Stack(createApp(), 'Own', { env: { region: REGION } });
    const broker = new TokenBroker(stack, 'Broker', { apiUrl: 'https://api.plume.example/' });
    const topic = createTopic(stack);
    new Monitoring(stack, 'Monitoring', { broker, topic });
    const resources = deploy(Template.fromStack(stack));
    const requests = platformRequests(resources).filter(({ purpose }) => purpose.startsWith('the alarm'));
    expect(requests.filter(({ action }) => action === 'sns:Publish').length).toBeGreaterThan(5);
    expect(await refusalsOf(requests, statementsOf(resources))).toEqual([]);
  });

  test('one topic from the alarms of two brokers, by one statement', async () => {
    const stack = new Stack(createApp(), 'Own', { env: { region: REGION } });
    const topic = new Topic(stack, 'Mine', { enforceSSL: true, masterKey: new Key(stack, 'MyKey') });
    for (const id of ['One', 'Other']) {
      const apiUrl = 'https://api.plume.example/';
      const broker = new TokenBroker(stack, id, { apiUrl, serviceName: id, secretPrefix: id });
      new Monitoring(stack, `Monitoring${id}`, { broker, topic });
    }
    const statements = statementsOf(deploy(Template.fromStack(stack)));
    // AWS refuses a policy in which two statements have one Sid.
    for (const service of ['sns', 'kms']) {
      const sids = statements
        .filter(isPolicyOf(service))
        .map(({ of, body }) => `${of} ${body.Sid ?? body.Action}`);
      expect(new Set(sids).size).toBe(sids.length);
    }
  });
});
