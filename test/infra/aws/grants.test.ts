import { Template } from 'aws-cdk-lib/assertions';
import { type IGrantable, type IRole, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Alias,
  Code,
  type IFunction,
  type IVersion,
  Function as LambdaFunction,
  Runtime,
} from 'aws-cdk-lib/aws-lambda';
import { Stack } from 'aws-cdk-lib/core';
import { describe, expect, test } from 'vitest';

import { TokenBroker } from '../../../infra/aws/token-broker.ts';
import { DEFAULT_BUDGET_SETTINGS } from '../../../lib/budget/settings.ts';
import { ENV } from '../../../lib/contract.ts';
import { DEFAULT_TOKEN_SETTINGS } from '../../../lib/token/settings.ts';
import { brokerOf, createApp, functionOf, REGION, type Statement, statementsOf } from './synth.ts';

const API_URL = 'https://api.plume.example/';
const ACCOUNT = '123456789012';

function createBroker() {
  const stack = new Stack(createApp(), 'Own', { env: { region: REGION } });
  return { stack, broker: new TokenBroker(stack, 'Broker', { apiUrl: API_URL }) };
}

function createFunction(stack: Stack) {
  return new LambdaFunction(stack, 'Own', {
    code: Code.fromInline('exports.handler = async () => {}'),
    handler: 'index.handler',
    runtime: Runtime.NODEJS_24_X,
    description: 'My own',
  });
}

function importFunction(stack: Stack, role?: IRole) {
  return LambdaFunction.fromFunctionAttributes(stack, 'Imported', {
    functionArn: `arn:aws:lambda:${REGION}:${ACCOUNT}:function:theirs`,
    ...(role && { role }),
  });
}

const createRole = (stack: Stack) =>
  new Role(stack, 'Role', { assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com') });

const importRole = (stack: Stack) => Role.fromRoleArn(stack, 'Theirs', `arn:aws:iam::${ACCOUNT}:role/theirs`);

/** Keys of items, by action, in all policies of the stack that are not the broker's own. */
function keysIn(template: Template): Record<string, string[]> {
  const statements = Object.entries(template.findResources('AWS::IAM::Policy'))
    .filter(([id]) => !id.startsWith('Broker'))
    .flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement as Statement[]);
  return keysOf(statements);
}

function keysOf(statements: readonly Statement[]): Record<string, string[]> {
  const keys: Record<string, string[]> = {};
  for (const { Action, Condition } of statements) {
    const exact = Condition?.['ForAllValues:StringEquals'] ?? {};
    const found = exact['dynamodb:LeadingKeys'];
    if (found === undefined || 'dynamodb:Attributes' in exact) continue;
    const action = String(Action);
    keys[action] = [...(keys[action] ?? []), ...[found].flat()];
  }
  return keys;
}

const OF_LATTE = {
  'dynamodb:GetItem': ['token#latte', 'order#default'],
  'dynamodb:UpdateItem': ['request#latte', 'budget#default#worker'],
};

describe('connect', () => {
  test('gives a function the environment that the middleware reads and the permissions of its calls', () => {
    const { stack, broker } = createBroker();
    const grant = broker.connect(createFunction(stack), { client: 'latte' });
    expect(grant.success).toBe(true);
    const template = Template.fromStack(stack);
    const own = functionOf(template, /^My own/);
    expect(Object.keys(own.Properties.Environment.Variables)).toEqual(Object.keys(broker.environment()));
    expect(brokerOf(own)).toEqual({
      table: expect.stringMatching(/^BrokerStoreTable/),
      metrics: 'alarmed',
      minter: expect.stringMatching(/^BrokerMinter.*,Arn$/),
      apiUrl: API_URL,
      service: 'token-broker',
      tokenLife: DEFAULT_TOKEN_SETTINGS,
      budget: DEFAULT_BUDGET_SETTINGS,
    });
    expect(keysOf(statementsOf(template, /^My own/))).toEqual(OF_LATTE);
  });

  test('is called once per client, and names the budget of another address', () => {
    const { stack, broker } = createBroker();
    const fn = createFunction(stack);
    broker.connect(fn, { client: 'latte', budgetName: 'zone-b' });
    broker.connect(fn, { client: 'mocha', budgetName: 'zone-b' });
    const template = Template.fromStack(stack);
    expect(keysOf(statementsOf(template, /^My own/))).toEqual({
      'dynamodb:GetItem': ['token#latte', 'order#zone-b', 'token#mocha'],
      'dynamodb:UpdateItem': ['request#latte', 'budget#zone-b#worker', 'request#mocha'],
    });
    expect(brokerOf(functionOf(template, /^My own/)).budget).toEqual({
      ...DEFAULT_BUDGET_SETTINGS,
      name: 'zone-b',
    });
  });

  test('of an alias or a version connects the function behind it', () => {
    // The CDK's own classes and interfaces disagree under exactOptionalPropertyTypes.
    const versionOf = (stack: Stack) => createFunction(stack).currentVersion as IVersion;
    const aliasOf = (stack: Stack) =>
      new Alias(stack, 'Alias', { aliasName: 'live', version: versionOf(stack) }) as IFunction;
    for (const qualified of [versionOf, aliasOf]) {
      const { stack, broker } = createBroker();
      broker.connect(qualified(stack), { client: 'latte' });
      const template = Template.fromStack(stack);
      expect(functionOf(template, /^My own/).Properties.Environment.Variables[ENV.broker]).toBeDefined();
      expect(keysOf(statementsOf(template, /^My own/))).toEqual(OF_LATTE);
    }
  });

  test('refuses a second budget or broker for a function, whose environment holds one of each', () => {
    const { stack, broker } = createBroker();
    const fn = createFunction(stack);
    broker.connect(fn, { client: 'latte', budgetName: 'zone-a' });
    expect(() => broker.connect(fn, { client: 'mocha', budgetName: 'zone-b' })).toThrow(
      /Own\/Own already uses another broker or budget: budget would change/,
    );
    const other = new TokenBroker(stack, 'Other', {
      apiUrl: 'https://other.example/',
      serviceName: 'other',
      secretPrefix: 'other',
    });
    expect(() => other.connect(fn, { client: 'latte', budgetName: 'zone-a' })).toThrow(/another broker/);
  });

  test('refuses an imported function, whose environment cannot be set from here, and says what to do', () => {
    const { stack, broker } = createBroker();
    const imported = importFunction(stack, createRole(stack));
    expect(() => broker.connect(imported, { client: 'latte' })).toThrow(
      /environment of Own\/Imported cannot be set here.*environment\(\) of the broker returns; grantUse/,
    );
  });
});

describe('grantUse', () => {
  test('changes IAM alone', () => {
    const { stack, broker } = createBroker();
    broker.grantUse(createFunction(stack), { client: 'latte' });
    const template = Template.fromStack(stack);
    expect(functionOf(template, /^My own/).Properties.Environment).toBeUndefined();
    expect(keysOf(statementsOf(template, /^My own/))).toEqual(OF_LATTE);
  });

  test.each<[string, (stack: Stack) => IGrantable]>([
    ['a role', createRole],
    ['an imported role', importRole],
    ['an imported function with its role', (stack) => importFunction(stack, importRole(stack))],
  ])('takes %s', (_, createGrantee) => {
    const { stack, broker } = createBroker();
    const grant = broker.grantUse(createGrantee(stack), { client: 'latte' });
    expect(grant.success).toBe(true);
    expect(keysIn(Template.fromStack(stack))).toEqual(OF_LATTE);
  });

  test.each<[string, (stack: Stack) => IGrantable, RegExp]>([
    [
      'an imported function without its role',
      (stack) => importFunction(stack),
      /permissions of Own\/Imported cannot be changed here, because it is imported without its role/,
    ],
    [
      'a service',
      () => new ServicePrincipal('events.amazonaws.com'),
      /because it is not a role and has none/,
    ],
  ])('refuses %s', (_, createGrantee, message) => {
    const { stack, broker } = createBroker();
    expect(() => broker.grantUse(createGrantee(stack), { client: 'latte' })).toThrow(message);
  });

  test('gives a role that several functions share the budgets of all of them', () => {
    const { stack, broker } = createBroker();
    const role = createRole(stack);
    broker.grantUse(role, { client: 'latte', budgetName: 'zone-a' });
    broker.grantUse(role, { client: 'latte', budgetName: 'zone-b' });
    expect(keysIn(Template.fromStack(stack))).toEqual({
      'dynamodb:GetItem': ['token#latte', 'order#zone-a', 'order#zone-b'],
      'dynamodb:UpdateItem': ['request#latte', 'budget#zone-a#worker', 'budget#zone-b#worker'],
    });
  });

  test.each(['*', 'a#b', 'a/b', ''])('refuses the client %j', (client) => {
    const { stack, broker } = createBroker();
    expect(() => broker.grantUse(createFunction(stack), { client })).toThrow(/client's name/);
  });
});

/** Quotas of IAM: characters without white space, of one managed policy and of all inline policies of a role. */
const MANAGED = { count: 10, characters: 6144 };
const INLINE_CHARACTERS = 10_240;

describe('the policies of a function with many clients', () => {
  const policiesOf = (template: Template, type: 'Policy' | 'ManagedPolicy') =>
    Object.entries(template.findResources(`AWS::IAM::${type}`))
      .filter(([id]) => id.startsWith('OwnServiceRole'))
      .map(([, { Properties }]) => Properties.PolicyDocument as { Statement: Statement[] });
  /** With names as long as AWS allows: those of the template are shorter. */
  const sizeOf = (document: unknown): number =>
    JSON.stringify(document, (_, value) => ('Fn::GetAtt' in Object(value) ? ARN : value)).length;
  const ARN = `arn:aws-us-gov:dynamodb:${'r'.repeat(14)}:${ACCOUNT}:table/${'t'.repeat(64)}`;

  test.each([
    [1, 'c'],
    [500, 'client-of-partner'],
    [200, 'a-client-whose-name-is-as-long-as-some-partners-like-them-to-be'],
  ])('of %i are within the quotas of IAM, and all clients are in them', (count, name) => {
    const { stack, broker } = createBroker();
    const clients = Array.from({ length: count }, (_, index) => `${name}-${index}`);
    const fn = createFunction(stack);
    for (const client of clients) broker.connect(fn, { client });
    const template = Template.fromStack(stack);
    const managed = policiesOf(template, 'ManagedPolicy');
    const inline = policiesOf(template, 'Policy');
    // One more is AWS's own, for logs.
    expect(managed.length).toBeLessThan(MANAGED.count);
    for (const document of managed) expect(sizeOf(document)).toBeLessThanOrEqual(MANAGED.characters);
    expect(inline.reduce((sum, document) => sum + sizeOf(document), 0)).toBeLessThanOrEqual(
      INLINE_CHARACTERS,
    );
    const keys = keysOf([...inline, ...managed].flatMap(({ Statement }) => Statement));
    expect(keys['dynamodb:GetItem']?.toSorted()).toEqual([
      'order#default',
      ...clients.map((client) => `token#${client}`).sort(),
    ]);
    expect(keys['dynamodb:UpdateItem']?.filter((key) => key !== 'budget#default#worker').sort()).toEqual(
      clients.map((client) => `request#${client}`).sort(),
    );
  });

  test('fail the synthesis with their number when they are more than IAM takes', () => {
    const { stack, broker } = createBroker();
    const fn = createFunction(stack);
    for (let index = 0; index < 2000; index++) broker.grantUse(fn, { client: `client-${index}` });
    expect(() => Template.fromStack(stack)).toThrow(
      /Own\/Own\/ServiceRole needs 1\d managed policies for its clients; IAM allows 10/,
    );
  });

  test('of an imported role, which are one inline policy, fail the synthesis with their size', () => {
    const { stack, broker } = createBroker();
    const role = importRole(stack);
    for (let index = 0; index < 300; index++) broker.grantUse(role, { client: `client-${index}` });
    expect(() => Template.fromStack(stack)).toThrow(
      /Own\/Theirs needs inline policies of 1\d{4} characters for its clients; IAM allows 10240/,
    );
  });
});
