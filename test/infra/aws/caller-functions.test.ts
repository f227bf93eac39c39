import { Template } from 'aws-cdk-lib/assertions';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Stack } from 'aws-cdk-lib/core';
import { describe, expect, test } from 'vitest';

import { TokenBroker } from '../../../infra/aws/token-broker.ts';
import { TABLE } from '../../../lib/contract.ts';
import { type AwsRequest, refusalsOf, statementsOf } from '../../fixtures/iam/account.ts';
import { deploy, type Resource } from '../../fixtures/iam/cloudformation.ts';
import { createApp, REGION, synth } from './synth.ts';

function createBroker() {
  const stack = new Stack(createApp(), 'Own', { env: { region: REGION } });
  return { stack, broker: new TokenBroker(stack, 'Broker', { apiUrl: 'https://api.plume.example/' }) };
}

const callerOf = (resources: readonly Resource[], client: string): Resource => {
  const caller = resources.find(
    ({ type, properties }) =>
      type === 'AWS::Lambda::Function' && properties.Environment.Variables.PLUME_CLIENT === client,
  );
  if (caller === undefined) throw new Error(`there is no caller function of ${client}`);
  return caller;
};

describe('a grantee of one client', () => {
  const { stack, broker } = createBroker();
  const role = new Role(stack, 'Partner', { assumedBy: new ServicePrincipal('states.amazonaws.com') });
  broker.grantCall(role, { client: 'mocha' });
  broker.caller({ client: 'latte' });
  const resources = deploy(Template.fromStack(stack));
  const statements = statementsOf(resources);
  const partner = resources.find(({ id }) => id.startsWith('Partner'))?.arn ?? '';
  const table = resources.find(({ type }) => type === 'AWS::DynamoDB::GlobalTable')?.arn ?? '';
  const [mocha, latte] = ['mocha', 'latte'].map((client) => callerOf(resources, client)) as [
    Resource,
    Resource,
  ];
  const minter = resources.find(({ properties }) => /^Mints/.test(properties.Description))?.arn ?? '';

  const invokes = (principal: string, resource: string): AwsRequest => ({
    purpose: 'a function is invoked',
    principal,
    action: 'lambda:InvokeFunction',
    resource,
    context: {},
  });
  const reads = ({ properties }: Resource, client: string): AwsRequest => ({
    purpose: `the token of ${client} is read`,
    principal: properties.Role,
    action: 'dynamodb:GetItem',
    resource: table,
    context: { 'dynamodb:LeadingKeys': [TABLE.tokenKey(client)] },
  });

  test('may make its calls', async () => {
    expect(await refusalsOf([invokes(partner, mocha.arn), reads(mocha, 'mocha')], statements)).toEqual([]);
  });

  test.each([
    ['invoke the caller function of another client', invokes(partner, latte.arn)],
    ['invoke the minter', invokes(partner, minter)],
    ['read the token itself', { ...reads(mocha, 'mocha'), principal: partner }],
    ["have its own caller function read another client's token", reads(mocha, 'latte')],
    ['have its own caller function invoke that of another client', invokes(mocha.properties.Role, latte.arn)],
  ])('may not %s', async (_, request) => {
    expect(await refusalsOf([request], statements)).toHaveLength(1);
  });
});

test('there is one caller function for each client, however many may invoke it', () => {
  const { broker } = createBroker();
  const caller = broker.caller({ client: 'mocha' });
  expect(broker.caller({ client: 'mocha' })).toBe(caller);
  expect(broker.caller({ client: 'latte' })).not.toBe(caller);
});

test.each(['', 'a#b', '*'])('a caller function of the client %j is refused', (client) => {
  const { broker } = createBroker();
  expect(() => broker.caller({ client })).toThrow(/client/);
});

test('a caller function with another budget is refused, with both of them', () => {
  const { broker } = createBroker();
  broker.caller({ client: 'mocha', budgetName: 'zone-1' });
  expect(() => broker.caller({ client: 'mocha' })).toThrow(/budget zone-1 and not default/);
});

describe('the callers of a stage', () => {
  test('are functions whose names are outputs, in the order of the key', () => {
    const template = synth({ callers: ['mocha', 'latte'] });
    const resources = deploy(template);
    const outputs = ['CallerFunction1', 'CallerFunction2'].map(
      (name) => template.toJSON().Outputs[name].Value.Ref,
    );
    expect(outputs).toEqual(['mocha', 'latte'].map((client) => callerOf(resources, client).id));
  });

  test('have the address and the budget of the first zone', () => {
    const resources = deploy(synth({ callers: ['mocha'], zones: 2 }));
    const { VpcConfig, Environment } = callerOf(resources, 'mocha').properties;
    expect(VpcConfig.SubnetIds).toHaveLength(1);
    expect(JSON.parse(Environment.Variables.PLUME_BROKER).budget.name).toBe('default-1');
  });
});
