import { Template } from 'aws-cdk-lib/assertions';
import { AccountPrincipal, ArnPrincipal, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { type App, Stack } from 'aws-cdk-lib/core';
import { describe, expect, test } from 'vitest';

import type { TokenBrokerAttributes } from '../../../infra/aws/imported-token-broker.ts';
import { TokenBroker } from '../../../infra/aws/token-broker.ts';
import { createDynamoOrderReader } from '../../../lib/budget/dynamo-orders.ts';
import { createDynamoTicketCounter } from '../../../lib/budget/dynamo-ticket-counter.ts';
import { ENV, TABLE } from '../../../lib/contract.ts';
import { systemClock } from '../../../lib/platform/clock.ts';
import { readWorkerSettings, type WorkerSettings } from '../../../lib/settings.ts';
import { createInvokeFunction } from '../../../lib/token/invoke-function.ts';
import { createMintRequests } from '../../../lib/token/mint-requests.ts';
import { createTokenStore } from '../../../lib/token/token-store.ts';
import { type AwsRequest, lessOf, refusalsOf, statementsOf } from '../../fixtures/iam/account.ts';
import { ACCOUNT, deploy, REGION, type Resource } from '../../fixtures/iam/cloudformation.ts';
import { recordingClient } from '../../fixtures/iam/recording-client.ts';
import { awsRequestsOf, type Input } from '../../fixtures/iam/sdk-requests.ts';
import { createApp } from './synth.ts';

/** A broker in one account, an app that uses it in another: both synthesized, the policies of both evaluated. */

const OTHER = '222222222222';
const THIRD = '333333333333';
const API_URL = 'https://api.plume.example/';

function ownStack(app: App = createApp()) {
  const stack = new Stack(app, 'Own', { env: { account: ACCOUNT, region: REGION } });
  return { stack, broker: new TokenBroker(stack, 'Broker', { apiUrl: API_URL, serviceName: 'shared' }) };
}

/** What the parameter holds once CloudFormation has deployed the owner's stack. */
function attributesIn(resources: readonly Resource[]): TokenBrokerAttributes {
  const parameter = resources.find(({ type }) => type === 'AWS::SSM::Parameter');
  return JSON.parse(parameter?.properties.Value);
}

function consumer(attributes: TokenBrokerAttributes, account: string) {
  const stack = new Stack(createApp(), 'Theirs', { env: { account, region: REGION } });
  const broker = TokenBroker.fromAttributes(stack, 'Broker', attributes);
  const fn = new LambdaFunction(stack, 'Worker', {
    code: Code.fromInline('exports.handler = async () => {}'),
    handler: 'index.handler',
    runtime: Runtime.NODEJS_24_X,
    role: new Role(stack, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') }),
  });
  broker.connect(fn, { client: 'latte' });
  const resources = deploy(Template.fromStack(stack), account);
  const worker = resources.find(({ type }) => type === 'AWS::Lambda::Function');
  if (worker === undefined) throw new Error('the template has no function');
  const { role, arn } = { role: worker.properties.Role as string, arn: worker.arn };
  return { resources, role, arn, settings: readWorkerSettings(worker.properties.Environment.Variables) };
}

function twoAccounts(principal = new AccountPrincipal(OTHER) as ArnPrincipal) {
  const { stack, broker } = ownStack();
  broker.shareWith(principal, { client: 'latte' });
  const owner = deploy(Template.fromStack(stack));
  const attributes = attributesIn(owner);
  const theirs = consumer(attributes, OTHER);
  const statements = [...statementsOf(owner), ...statementsOf(theirs.resources)];
  return { attributes, owner, theirs, statements };
}

/** All that a worker asks of AWS, sent by its own code: a token, a claim, tickets, the breaker's state, a mint. */
async function requestsOfWorker(settings: WorkerSettings) {
  const { dynamodb, sent } = recordingClient(OTHER);
  const { table, minter } = settings;
  await createTokenStore({ dynamodb, table }).read('latte');
  await createMintRequests({ dynamodb, table }).claim('latte', undefined, 0);
  await createDynamoOrderReader({ dynamodb, table, budget: settings.budget.name }).read();
  const counter = createDynamoTicketCounter({ dynamodb, table, settings: settings.budget });
  await counter.take('worker', { advanceMs: 1, floorMs: 0, ceilMs: 1, nowMs: 0 } as never);
  await counter.read('worker');
  let invoked: URL | undefined;
  const invoke = createInvokeFunction({
    dynamodb: dynamodb,
    endpoint: undefined,
    fetch: async (url) => {
      invoked = new URL(String(url));
      return Response.json({});
    },
    clock: systemClock,
    repeatWithinMs: 0,
    traceId: () => undefined,
    random: () => 0,
  });
  await invoke(minter, {}, AbortSignal.timeout(5_000));
  dynamodb.destroy();
  return { sent, invoked };
}

type Sent = Awaited<ReturnType<typeof requestsOfWorker>>['sent'];

function asked(
  theirs: ReturnType<typeof consumer>,
  attributes: TokenBrokerAttributes,
  sent: Sent,
): AwsRequest[] {
  const by = { principal: theirs.role, functionArn: theirs.arn };
  return [
    ...sent.map(({ operation, input }) => ({ ...by, service: 'dynamodb', operation, input })),
    { ...by, service: 'lambda', operation: 'Invoke', input: { FunctionName: attributes.minter } },
  ].flatMap((call) => awsRequestsOf(call, attributes.key ?? ''));
}

test('a function of another account reaches the table by its ARN, at the host of the account that owns it', async () => {
  const { attributes, theirs } = twoAccounts();
  expect(attributes.table).toMatch(`arn:aws:dynamodb:${REGION}:${ACCOUNT}:table/`);
  const { key, ...settings } = attributes;
  expect(theirs.settings).toEqual(settings);
  const { sent, invoked } = await requestsOfWorker(theirs.settings);
  expect(sent.map(({ operation }) => operation)).toEqual([
    'GetItem',
    'UpdateItem',
    'GetItem',
    'UpdateItem',
    'UpdateItem',
  ]);
  for (const { hostname, input } of sent) {
    expect(hostname).toBe(`${ACCOUNT}.ddb.${REGION}.amazonaws.com`);
    expect(input.TableName).toBe(attributes.table);
  }
  expect(invoked?.hostname).toBe(`lambda.${REGION}.amazonaws.com`);
  expect(decodeURIComponent(invoked?.pathname ?? '')).toContain(attributes.minter);
});

describe('IAM of both accounts', () => {
  test('allows the calls of a function after they are shared with its account, or with its role', async () => {
    const principals = [new AccountPrincipal(OTHER), new ArnPrincipal(twoAccounts().theirs.role)];
    for (const principal of principals) {
      const { attributes, theirs, statements } = twoAccounts(principal);
      const { sent } = await requestsOfWorker(theirs.settings);
      expect(await refusalsOf(asked(theirs, attributes, sent), statements)).toEqual([]);
    }
  });

  test('allows nothing without any part of either half', async () => {
    const { attributes, owner, theirs, statements } = twoAccounts();
    const { sent } = await requestsOfWorker(theirs.settings);
    const requests = asked(theirs, attributes, sent);
    const ofOwner = new Set([attributes.table, attributes.key, attributes.minter]);
    const halves = statements.filter(
      ({ kind, of, body }) =>
        (kind === 'identity' && of === theirs.role) ||
        (kind === 'resource' && ofOwner.has(of) && JSON.stringify(body).includes(OTHER)),
    );
    expect(halves.map(({ of }) => of)).toEqual(expect.arrayContaining([...ofOwner, theirs.role]));
    expect(owner.length).toBeGreaterThan(0);
    for (const statement of halves) {
      for (const { missing, left } of lessOf(statement)) {
        // Log groups and traces are the function's own, and DynamoDB needs the uses of its key that a request takes.
        if (!/dynamodb|kms|lambda/.test(missing)) continue;
        const rest = [...statements.filter((other) => other !== statement), ...(left ? [left] : [])];
        expect(await refusalsOf(requests, rest), `${statement.of} without ${missing}`).not.toEqual([]);
      }
    }
  });

  test("allows no other client's token, no write of tokens, no other counter and no third account", async () => {
    const { attributes, theirs, statements } = twoAccounts();
    const at = (pk: string): Input => ({
      TableName: attributes.table,
      Key: { [TABLE.partitionKey]: { S: pk } },
    });
    const update = { UpdateExpression: 'SET nextMs = :zero' };
    // As if the account's own IAM allowed everything: what it may not is the owner's to say.
    const all = {
      kind: 'identity',
      of: theirs.role,
      body: { Effect: 'Allow', Action: '*', Resource: '*' },
    } as const;
    const attacks: [string, Input][] = [
      ['GetItem', at(TABLE.tokenKey('mocha'))],
      ['GetItem', at(TABLE.mintKey('latte'))],
      ['UpdateItem', { ...at(TABLE.tokenKey('latte')), ...update }],
      ['UpdateItem', { ...at(TABLE.budgetKey('shared', 'minter')), ...update }],
      ['UpdateItem', { ...at(TABLE.requestKey('mocha')), ...update }],
      [
        'PutItem',
        { TableName: attributes.table, Item: { [TABLE.partitionKey]: { S: TABLE.tokenKey('latte') } } },
      ],
      ['DeleteItem', at(TABLE.tokenKey('latte'))],
      ['Scan', { TableName: attributes.table }],
    ];
    for (const [operation, input] of attacks) {
      const call = { principal: theirs.role, functionArn: theirs.arn, service: 'dynamodb', operation, input };
      const [request] = awsRequestsOf(call, attributes.key ?? '');
      if (request === undefined) throw new Error('there is a request');
      expect(
        await refusalsOf([request], [...statements, all]),
        `${operation} ${JSON.stringify(input)}`,
      ).toHaveLength(1);
    }
    const stranger = `arn:aws:iam::${THIRD}:role/stranger`;
    const { sent } = await requestsOfWorker(theirs.settings);
    const strange = asked(theirs, attributes, sent).map((request) => ({ ...request, principal: stranger }));
    const theirIam = { ...all, of: stranger };
    expect(await refusalsOf(strange, [...statements, theirIam])).toHaveLength(strange.length);
  });
});

describe('shareWith', () => {
  test('takes two statements of the table for all clients of a principal', () => {
    const { stack, broker } = ownStack();
    for (const client of ['latte', 'mocha']) broker.shareWith(new AccountPrincipal(OTHER), { client });
    broker.shareWith(new AccountPrincipal(OTHER), { client: 'latte', budgetName: 'theirs' });
    const template = Template.fromStack(stack);
    const ofTable = statementsOf(deploy(template)).filter(({ of }) => of.includes(':table/'));
    expect(
      ofTable.map(({ body }) => [
        body.Action,
        body.Condition?.['ForAllValues:StringEquals']?.['dynamodb:LeadingKeys'],
      ]),
    ).toEqual([
      ['dynamodb:GetItem', ['token#latte', 'order#default', 'token#mocha', 'order#theirs']],
      [
        'dynamodb:UpdateItem',
        ['request#latte', 'budget#default#worker', 'request#mocha', 'budget#theirs#worker'],
      ],
    ]);
    template.resourceCountIs('AWS::Lambda::Permission', 1);
  });

  test('lets the minter tell when the calls of their budget rest', () => {
    const { stack, broker } = ownStack();
    broker.shareWith(new AccountPrincipal(OTHER), { client: 'latte', budgetName: 'theirs' });
    const functions = Template.fromStack(stack).findResources('AWS::Lambda::Function');
    expect(JSON.stringify(functions)).toContain('theirs#worker');
  });

  test('changes no policy of a key where AWS owns the key', () => {
    const stack = new Stack(createApp(), 'Own', { env: { account: ACCOUNT, region: REGION } });
    const broker = new TokenBroker(stack, 'Broker', { apiUrl: API_URL, encryption: 'aws-owned' });
    broker.shareWith(new AccountPrincipal(OTHER), { client: 'latte' });
    const world = deploy(Template.fromStack(stack));
    expect(statementsOf(world).some(({ of }) => of.includes(':table/'))).toBe(true);
    expect(JSON.stringify(statementsOf(world))).not.toContain('kms:');
    expect(attributesIn(world).key).toBeUndefined();
  });

  test('is refused for a table with an imported key, whose policy cannot be changed', () => {
    const stack = new Stack(createApp(), 'Own', { env: { account: ACCOUNT, region: REGION } });
    const encryptionKey = Key.fromKeyArn(stack, 'Theirs', `arn:aws:kms:${REGION}:${ACCOUNT}:key/theirs`);
    const broker = new TokenBroker(stack, 'Broker', { apiUrl: API_URL, encryptionKey });
    expect(() => broker.shareWith(new AccountPrincipal(OTHER), { client: 'latte' })).toThrow(
      /encrypted with an imported key, whose policy cannot be changed here/,
    );
  });

  test('of more clients than the policy of a table takes fails the synthesis with its length', () => {
    const share = (count: number) => {
      const app = createApp();
      const { broker } = ownStack(app);
      for (let index = 0; index < count; index += 1)
        broker.shareWith(new AccountPrincipal(OTHER), { client: `client-of-a-long-name-${index}` });
      return () => app.synth();
    };
    expect(share(200)).not.toThrow();
    expect(share(400)).toThrow(/has \d+ characters.*DynamoDB allows 20480/);
  });
});

describe('fromAttributes', () => {
  const attributes = attributesIn(deploy(Template.fromStack(ownStack().stack)));

  test('names the table in its own account, where emulators know it by its name', () => {
    const { settings } = consumer(attributes, ACCOUNT);
    expect(settings.table).toBe(attributes.table.split('/').at(-1));
    expect(settings.minter).toBe(attributes.minter);
  });

  test('gives roles the use of another budget, and code elsewhere its environment', () => {
    const stack = new Stack(createApp(), 'Theirs', { env: { account: OTHER, region: REGION } });
    const broker = TokenBroker.fromAttributes(stack, 'Broker', attributes);
    expect(broker).toMatchObject({ apiUrl: API_URL, budgetName: 'default', serviceName: 'shared' });
    const environment = stack.resolve(broker.environment({ budgetName: 'theirs' }));
    expect(JSON.parse(environment[ENV.broker]).budget.name).toBe('theirs');
  });

  test.each<[string, object, RegExp]>([
    ['a table by its name', { table: 'name' }, /attributes.table must be an ARN/],
    ['a key by its name', { key: 'name' }, /attributes.key must be an ARN/],
    ['a budget that lacks a setting', { budget: {} }, /attributes.budget.name is missing/],
    [
      'a table of another region',
      { table: `arn:aws:dynamodb:us-east-1:${ACCOUNT}:table/t` },
      /table of its own region/,
    ],
  ])('refuses %s', (_, change, message) => {
    const stack = new Stack(createApp(), 'Theirs', { env: { account: OTHER, region: REGION } });
    const changed = { ...attributes, ...change };
    expect(() => TokenBroker.fromAttributes(stack, 'Broker', changed)).toThrow(message);
  });
});

describe('fromParameter', () => {
  const attributes = attributesIn(deploy(Template.fromStack(ownStack().stack)));
  const key = `ssm:account=${ACCOUNT}:parameterName=/shared/broker:region=${REGION}`;
  const importIn = (context: Readonly<Record<string, unknown>>) => {
    const stack = new Stack(createApp(context), 'Theirs', { env: { account: ACCOUNT, region: REGION } });
    return TokenBroker.fromParameter(stack, 'Broker', '/shared/broker');
  };

  test('is a broker before the CDK has looked it up, and the one that was found after that', () => {
    expect(importIn({}).serviceName).toBe('token-broker');
    expect(importIn({ [key]: JSON.stringify(attributes) }).serviceName).toBe('shared');
  });

  test('refuses a parameter that holds something else', () => {
    expect(() => importIn({ [key]: 'a text' })).toThrow(
      /\/shared\/broker is not a broker's: its value must be JSON/,
    );
    expect(() => importIn({ [key]: '{}' })).toThrow(/attributes.table is missing/);
  });
});
