import { Match, Template } from 'aws-cdk-lib/assertions';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { StringParameter } from 'aws-cdk-lib/aws-ssm';
import { Duration, Stack } from 'aws-cdk-lib/core';
import { describe, expect, expectTypeOf, test } from 'vitest';

import { type InDurations, inDurations, inMilliseconds } from '../../../infra/aws/durations.ts';
import type { BudgetOptions, StreamOptions, TokenLifeOptions } from '../../../infra/aws/settings-props.ts';
import { TokenBroker } from '../../../infra/aws/token-broker.ts';
import type { TokenBrokerProps } from '../../../infra/aws/token-broker-props.ts';
import { type BudgetSettings, budgetSettings, type StreamSettings } from '../../../lib/budget/settings.ts';
import { ENV } from '../../../lib/contract.ts';
import { DEFAULT_TOKEN_SETTINGS, TOKEN_SCHEMA } from '../../../lib/token/settings.ts';
import {
  actionsOf,
  brokerOf,
  createApp,
  createStack,
  FUNCTIONS,
  functionOf,
  REGION,
  type Statement,
  synth,
} from './synth.ts';

const API_URL = 'https://api.plume.example/';

function createBroker(props: Partial<TokenBrokerProps> = {}) {
  const stack = new Stack(createApp(), 'Own', { env: { region: REGION } });
  return { stack, broker: new TokenBroker(stack, 'Broker', { apiUrl: API_URL, ...props }) };
}

describe('a stack without options', () => {
  const template = synth();

  test('has functions that are explicit about what they run on', () => {
    const functions = Object.values(template.findResources('AWS::Lambda::Function'));
    expect(functions).toHaveLength(4);
    for (const { Properties } of functions) {
      expect(Properties).toMatchObject({
        Runtime: 'nodejs24.x',
        Architectures: ['arm64'],
        MemorySize: 512,
        LoggingConfig: { LogFormat: 'JSON', LogGroup: expect.anything() },
      });
      expect(Properties.FunctionName).toBeUndefined();
      expect(Properties.ReservedConcurrentExecutions).toBeUndefined();
    }
  });

  test('has traces of its own functions, and of the worker where the stage wants them', () => {
    const { minter, inspector, operator, worker } = FUNCTIONS;
    const traced = (stage: Parameters<typeof synth>[0]) =>
      [minter, inspector, operator, worker].map(
        (description) => functionOf(synth(stage), description).Properties.TracingConfig?.Mode,
      );
    expect(traced({})).toEqual(['Active', 'Active', 'Active', undefined]);
    expect(traced({ workerTraces: true })).toEqual(['Active', 'Active', 'Active', 'Active']);
  });

  test('gives functions the time that they need', () => {
    const seconds = (description: RegExp) => functionOf(template, description).Properties.Timeout;
    expect(seconds(FUNCTIONS.minter)).toBe(90);
    expect(seconds(FUNCTIONS.inspector)).toBe(60);
    expect(seconds(FUNCTIONS.worker)).toBe(60);
  });

  test('keeps logs for a month and takes them along when it goes', () => {
    const groups = Object.values(template.findResources('AWS::Logs::LogGroup'));
    expect(groups).toHaveLength(4);
    for (const group of groups) {
      expect(group).toMatchObject({ Properties: { RetentionInDays: 30 }, DeletionPolicy: 'Delete' });
    }
  });

  test('has a table with TTL, under a key that is rotated, both deleted with it', () => {
    template.hasResource('AWS::DynamoDB::GlobalTable', {
      DeletionPolicy: 'Delete',
      Properties: {
        BillingMode: 'PAY_PER_REQUEST',
        TimeToLiveSpecification: { AttributeName: 'ttl', Enabled: true },
        KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
        GlobalSecondaryIndexes: [
          Match.objectLike({
            IndexName: 'due',
            KeySchema: [
              { AttributeName: 'due', KeyType: 'HASH' },
              { AttributeName: 'dueAtMs', KeyType: 'RANGE' },
            ],
            Projection: { ProjectionType: 'KEYS_ONLY' },
          }),
        ],
        SSESpecification: { SSEEnabled: true, SSEType: 'KMS' },
        Replicas: [Match.objectLike({ SSESpecification: { KMSMasterKeyId: Match.anyValue() } })],
        TableName: Match.absent(),
      },
    });
    template.hasResource('AWS::KMS::Key', {
      DeletionPolicy: 'Delete',
      Properties: { EnableKeyRotation: true },
    });
  });

  test('invokes the minter once a minute, and keeps what does not arrive', () => {
    template.hasResourceProperties('AWS::Scheduler::Schedule', {
      ScheduleExpression: 'rate(1 minute)',
      Target: {
        Input: '{"kind":"tick"}',
        RetryPolicy: { MaximumEventAgeInSeconds: 60, MaximumRetryAttempts: 2 },
        DeadLetterConfig: Match.anyValue(),
      },
    });
    template.hasResourceProperties('AWS::Lambda::EventInvokeConfig', {
      MaximumRetryAttempts: 0,
      MaximumEventAgeInSeconds: 60,
    });
  });

  test('lets the worker alone send jobs to itself: Lambda would stop them after 16 rounds', () => {
    const loops = (description: RegExp) => functionOf(template, description).Properties.RecursiveLoop;
    expect(loops(FUNCTIONS.worker)).toBe('Allow');
    expect([loops(FUNCTIONS.minter), loops(FUNCTIONS.inspector)]).toEqual([undefined, undefined]);
  });

  test('feeds the worker in batches whose messages fail one by one', () => {
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      BatchSize: 10,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ScalingConfig: { MaximumConcurrency: 4 },
    });
    template.hasResourceProperties('AWS::SQS::Queue', {
      VisibilityTimeout: 360,
      RedrivePolicy: { maxReceiveCount: 5 },
    });
  });

  test('has queues that are encrypted and take no request in clear', () => {
    template.allResourcesProperties('AWS::SQS::Queue', { SqsManagedSseEnabled: true });
    const policies = Object.values(template.findResources('AWS::SQS::QueuePolicy'));
    expect(policies).toHaveLength(4);
    for (const { Properties } of policies) {
      expect(Properties.PolicyDocument.Statement).toContainEqual(
        expect.objectContaining({
          Effect: 'Deny',
          Condition: { Bool: { 'aws:SecureTransport': 'false' } },
        }),
      );
    }
  });

  test('owns no secret and no VPC, and nothing that stays behind', () => {
    template.resourceCountIs('AWS::SecretsManager::Secret', 0);
    template.resourceCountIs('AWS::EC2::VPC', 0);
    const { Resources } = template.toJSON() as { Resources: Record<string, { DeletionPolicy?: string }> };
    expect(Object.entries(Resources).filter(([, { DeletionPolicy }]) => DeletionPolicy === 'Retain')).toEqual(
      [],
    );
  });

  test('tells people by its outputs where things are, and other apps by one parameter of the broker', () => {
    for (const name of [
      'TableName',
      'MinterFunction',
      'InspectorFunction',
      'WorkerFunction',
      'MinterLogGroup',
      'InspectorLogGroup',
      'WorkerLogGroup',
      'JobQueueUrl',
      'ResultQueueUrl',
      'DeadLetterQueueUrl',
      'DeadTicksQueueUrl',
      'DashboardName',
      'AlarmTopicArn',
    ])
      template.hasOutput(name, {});
    template.resourceCountIs('AWS::SSM::Parameter', 1);
    template.hasResourceProperties('AWS::SSM::Parameter', { Name: '/Test/broker' });
  });
});

describe('every role', () => {
  const template = synth();
  const statements = Object.values(template.findResources('AWS::IAM::Policy')).flatMap(
    ({ Properties }) => Properties.PolicyDocument.Statement as Statement[],
  );

  test('names its actions', () => {
    expect(actionsOf(statements).filter((action) => action.includes('*'))).toEqual([]);
  });

  test('names its resources, but for what AWS forces', () => {
    const open = statements.filter(({ Resource }) => Resource === '*');
    expect(actionsOf(open)).toEqual([
      'secretsmanager:ListSecrets',
      'xray:PutTelemetryRecords',
      'xray:PutTraceSegments',
    ]);
  });

  test('has no managed policy', () => {
    for (const { Properties } of Object.values(template.findResources('AWS::IAM::Role'))) {
      expect(Properties.ManagedPolicyArns).toBeUndefined();
    }
  });

  test('reaches items of the table only by their keys', () => {
    const items = statements.filter(({ Action }) => /dynamodb:(Get|Put|Update)/.test(String(Action)));
    expect(items.length).toBeGreaterThan(0);
    for (const { Condition } of items) expect(JSON.stringify(Condition)).toContain('dynamodb:LeadingKeys');
  });
});

test('the role of the schedule is for schedules of this account', () => {
  synth().hasResourceProperties('AWS::IAM::Role', {
    AssumeRolePolicyDocument: {
      Statement: [
        Match.objectLike({
          Principal: { Service: 'scheduler.amazonaws.com' },
          Condition: { StringEquals: { 'aws:SourceAccount': Match.anyValue() } },
        }),
      ],
    },
  });
});

describe('the environment', () => {
  test('is one variable of less than 1 kB, whatever CloudFormation names the resources', () => {
    const broker = brokerOf(functionOf(synth(), FUNCTIONS.worker));
    const stack = 'PlumeTokenBroker-production';
    const deployed = {
      ...broker,
      service: stack,
      table: `${stack}-${broker.table}-1A2B3C4D5E6F7`,
      minter: `arn:aws:lambda:ap-southeast-2:123456789012:function:${stack}-${broker.minter.replace(',Arn', '')}-a1B2c3D4e5F6`,
    };
    expect(JSON.stringify(deployed).length).toBeLessThan(1000);
  });

  test('of the minter does not name the minter, which would refer to itself', () => {
    const broker = brokerOf(functionOf(synth(), FUNCTIONS.minter));
    expect(Object.keys(broker).sort()).toEqual(
      ['apiUrl', 'budget', 'metrics', 'secretPrefix', 'service', 'table', 'tokenLife'].sort(),
    );
  });
});

describe('options', () => {
  test('reach the functions as settings', () => {
    const { stack } = createBroker({
      secretPrefix: 'acme/plume',
      tokenLife: { grace: Duration.seconds(45), youngToken: undefined },
      budget: { name: 'nat', limit: 3000, worker: { burst: Duration.seconds(2) } },
    });
    const broker = brokerOf(functionOf(Template.fromStack(stack), FUNCTIONS.minter));
    expect(broker.secretPrefix).toBe('acme/plume');
    expect(broker.tokenLife).toEqual({ ...DEFAULT_TOKEN_SETTINGS, graceMs: 45_000 });
    expect(broker.budget).toEqual(budgetSettings({ name: 'nat', limit: 3000, worker: { burstMs: 2_000 } }));
  });

  test("take a key of the caller's", () => {
    const stack = new Stack(createApp(), 'Own', { env: { region: REGION } });
    new TokenBroker(stack, 'Broker', { apiUrl: API_URL, encryptionKey: new Key(stack, 'Mine') });
    Template.fromStack(stack).resourceCountIs('AWS::KMS::Key', 1);
  });

  test('leave the key to AWS: then no role needs the use of a key, and CloudWatch none for the topic', () => {
    const template = synth({ encryption: 'aws-owned' });
    template.resourceCountIs('AWS::KMS::Key', 0);
    template.hasResourceProperties('AWS::DynamoDB::GlobalTable', { SSESpecification: { SSEEnabled: false } });
    template.hasResourceProperties('AWS::SNS::Topic', { KmsMasterKeyId: Match.absent() });
    expect(JSON.stringify(template.findResources('AWS::IAM::Policy'))).not.toContain('kms:');
    const both = (stack: Stack) =>
      new TokenBroker(stack, 'Broker', {
        apiUrl: API_URL,
        encryption: 'aws-owned',
        encryptionKey: new Key(stack, 'Mine'),
      });
    expect(() => both(new Stack(createApp(), 'Own', { env: { region: REGION } }))).toThrow('choose one');
  });

  test('make what is measured a metric: all of it, or what is alarmed', () => {
    const { broker } = createBroker();
    expect(() => broker.metricTokenMinted()).toThrow(
      /TokenMinted is a field of the log.*set the broker's metrics to 'all'/,
    );
    expect(createBroker({ metrics: 'all' }).broker.metricTokenMinted().metricName).toBe('TokenMinted');
    const workers = { budget: 'default', stream: 'worker' } as const;
    expect(broker.metric('TicketsGranted', workers).metricName).toBe('TicketsGranted');
    expect(() => broker.metric('TicketsGranted', { ...workers, stream: 'minter' })).toThrow(
      'field of the log',
    );
    expect(broker.metricMinterTick()).toMatchObject({
      metricName: 'ClientsFailing',
      statistic: 'SampleCount',
    });
  });

  test.each<[string, Partial<TokenBrokerProps>, RegExp]>([
    ['a limit below the bound', { budget: { limit: 1000 } }, /allows 1000.*= 1895/],
    ['an address in clear', { apiUrl: 'http://api.plume.example' }, /apiUrl must be an https URL/],
    ['a prefix with a slash at its end', { secretPrefix: 'plume/' }, /secretPrefix must be/],
    [
      'a request that outlasts the minter',
      { tokenLife: { requestTimeout: Duration.seconds(20) } },
      /at most 15000/,
    ],
    [
      'half a millisecond',
      { tokenLife: { grace: Duration.millis(0.5) } },
      /tokenLife.graceMs must be a whole number/,
    ],
    ['an empty prefix', { secretPrefix: '' }, /secretPrefix must be/],
    ['half a minute', { tick: Duration.seconds(30) }, /tick is 0.5 minutes.*from 1 to 60/],
    ['an hour and a half', { tick: Duration.minutes(90) }, /tick is 90 minutes/],
    [
      'a window of a day',
      { budget: { window: Duration.days(1), limit: 1_000_000 } },
      /windowMs is 86400000.*12 hours/,
    ],
    ['a name of blanks', { serviceName: ' ' }, /serviceName must be 1 to 128/],
  ])('fail with %s', (_, props, message) => {
    expect(() => createBroker(props)).toThrow(message);
  });
});

describe('two brokers in one stack', () => {
  const addOther = (props: Partial<TokenBrokerProps>) => () => {
    const { stack } = createBroker({ serviceName: 'one', secretPrefix: 'acme' });
    new TokenBroker(stack, 'Other', {
      apiUrl: API_URL,
      serviceName: 'other',
      secretPrefix: 'other',
      ...props,
    });
  };

  test('are told apart by their services and find other secrets', () => {
    expect(addOther({})).not.toThrow();
  });

  test.each<[string, Partial<TokenBrokerProps>, RegExp]>([
    ['one service name', { serviceName: 'one' }, /Own\/Broker and Own\/Other have the same serviceName, one/],
    ['one prefix', { secretPrefix: 'acme' }, /Own\/Broker and Own\/Other find the same secrets/],
    ['a prefix within the other', { secretPrefix: 'acme/prod' }, /find the same secrets/],
  ])('are refused with %s', (_, props, message) => {
    expect(addOther(props)).toThrow(message);
  });
});

test('what a lookup gives before it has looked is not judged', () => {
  const stack = new Stack(createApp(), 'Own', { env: { account: '123456789012', region: REGION } });
  const lookUp = (name: string) => StringParameter.valueFromLookup(stack, `/plume/${name}`);
  expect(lookUp('apiUrl')).toMatch(/^dummy-value-for-/);
  const broker = new TokenBroker(stack, 'Broker', {
    apiUrl: lookUp('apiUrl'),
    secretPrefix: lookUp('prefix'),
    serviceName: lookUp('service'),
    budget: { name: lookUp('budget') },
  });
  const options = { client: lookUp('client'), budgetName: lookUp('zone') };
  expect(broker.environment(options)).toHaveProperty(ENV.broker);
  expect(() =>
    broker.grantUse(
      new Role(stack, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') }),
      options,
    ),
  ).not.toThrow();
});

test('every setting is a property, as a Duration where it is a time', () => {
  const { tickMs: _, ...tokenLife } = TOKEN_SCHEMA;
  type Names<Schema> = keyof InDurations<Schema>;
  expectTypeOf<keyof TokenLifeOptions>().toEqualTypeOf<Names<typeof tokenLife>>();
  expectTypeOf<keyof BudgetOptions>().toEqualTypeOf<Names<BudgetSettings>>();
  expectTypeOf<keyof StreamOptions>().toEqualTypeOf<Names<StreamSettings>>();
  expect(inMilliseconds<BudgetSettings>(inDurations(budgetSettings({})))).toEqual(budgetSettings({}));
});

test('the minter keeps executions of the account for itself if told so', () => {
  const { stack } = createBroker({ minterReservedConcurrency: 5 });
  const functions = Template.fromStack(stack).findResources('AWS::Lambda::Function');
  expect(
    Object.values(functions).map(({ Properties }) => [
      FUNCTIONS.minter.test(Properties.Description),
      Properties.ReservedConcurrentExecutions,
    ]),
  ).toEqual([
    [true, 5],
    [false, undefined],
    [false, undefined],
  ]);
});

describe('egress', () => {
  test.each([
    ['https://api.plume.example/', [443]],
    ['https://api.plume.example:8443/', [443, 8443]],
  ])('to an API at %s opens the ports %j', (apiUrl, ports) => {
    const groups = Object.values(synth({ zones: 1, apiUrl }).findResources('AWS::EC2::SecurityGroup'));
    const rules = groups.flatMap(({ Properties }) => Properties.SecurityGroupEgress);
    expect(rules.map(({ FromPort, ToPort }) => [FromPort, ToPort])).toEqual(
      ports.map((port) => [port, port]),
    );
  });

  const template = synth({ zones: 2 });

  test('is in the zones that the stage names, and takes the word of the stage where the account is known', () => {
    const zones = ['eu-central-1b', 'eu-central-1c'];
    for (const env of [{ region: REGION }, { region: REGION, account: '123456789012' }]) {
      const named = Template.fromStack(createStack({ availabilityZones: zones }, createApp(), env));
      const subnets = Object.values(named.findResources('AWS::EC2::Subnet'));
      expect(new Set(subnets.map(({ Properties }) => Properties.AvailabilityZone))).toEqual(new Set(zones));
      named.resourceCountIs('AWS::EC2::NatGateway', 2);
    }
    expect(() => synth({ availabilityZones: ['us-east-1a'] })).toThrow(
      'availabilityZones has us-east-1a, which is not a zone of eu-central-1',
    );
  });

  test('has one address, NAT gateway and worker per zone', () => {
    template.resourceCountIs('AWS::EC2::EIP', 2);
    template.resourceCountIs('AWS::EC2::NatGateway', 2);
    template.resourceCountIs('AWS::Lambda::EventSourceMapping', 2);
    for (const name of ['EgressAddress1', 'EgressAddress2', 'WorkerFunction1', 'WorkerLogGroup2'])
      template.hasOutput(name, {});
  });

  test('with one address has one budget, so that a WAF block stops everybody', () => {
    const functions = Object.values(synth({ zones: 1 }).findResources('AWS::Lambda::Function'));
    expect(functions.map((fn) => brokerOf(fn).budget.name)).toEqual([
      'default',
      'default',
      'default',
      'default',
    ]);
  });

  test('lets the minter report of each stream whether its calls rest', () => {
    const watched = (zones: number) =>
      functionOf(synth({ zones }), FUNCTIONS.minter).Properties.Environment.Variables.PLUME_WATCHED_STREAMS;
    expect(watched(0)).toBe('default#minter,default#worker');
    expect(watched(2)).toBe('default#minter,default-1#worker,default-2#worker');
  });

  test('keeps one budget per address', () => {
    const workers = Object.values(template.findResources('AWS::Lambda::Function')).filter(({ Properties }) =>
      FUNCTIONS.worker.test(Properties.Description),
    );
    expect(workers.map((fn) => brokerOf(fn).budget.name)).toEqual(['default-1', 'default-2']);
    const subnets = workers.map(({ Properties }) => Properties.VpcConfig.SubnetIds);
    expect(subnets.map((ids) => ids.length)).toEqual([1, 1]);
    expect(subnets[0]).not.toEqual(subnets[1]);
  });
});
