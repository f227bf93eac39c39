import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';

import { findStagesFile, readStage } from '../../../infra/aws/stages.ts';
import { createStack } from './synth.ts';

const valid = { apiUrl: 'https://api.plume.example/', client: 'mocha' };

function read(stage: unknown) {
  return readFrom({ dev: stage }, 'dev');
}

function readFrom(stages: unknown, name: unknown) {
  return readStage({ name: 'infra/stages.json', isExample: false, content: JSON.stringify(stages) }, name);
}

describe('infra/stages.example.json', () => {
  const example = findStagesFile(new URL('../../../infra/', import.meta.url));

  test.each(['dev', 'prod'])('has the stage %s, which can be deployed', (name) => {
    expect(() => createStack(readStage(example, name))).not.toThrow();
  });

  test('protects prod from deletion, and not dev', () => {
    expect(readStage(example, 'prod').deletionProtection).toBe(true);
    expect(readStage(example, 'dev').deletionProtection).toBeUndefined();
  });
});

test('a stage may leave out all but two keys', () => {
  expect(read(valid)).toEqual({ ...valid, name: 'dev' });
});

test('a stage may set all keys', () => {
  const stage = {
    ...valid,
    account: '123456789012',
    region: 'eu-central-1',
    deletionProtection: true,
    secretPrefix: 'acme/plume',
    tickMinutes: 2,
    tokenLife: { graceMs: 45_000, introspectEveryMs: 600_000 },
    budget: { name: 'nat', limit: 3000, worker: { intervalMs: 200 } },
    logRetentionDays: 90,
    alarmTopicArn: 'arn:aws:sns:eu-central-1:123456789012:alarms',
    zones: 2,
    minterReservedConcurrency: 5,
  };
  expect(read(stage)).toEqual({ ...stage, name: 'dev' });
  expect(() => createStack(read(stage))).not.toThrow();
});

test.each<[string, unknown, string]>([
  ['no address', { client: 'mocha' }, 'dev.apiUrl is missing; it must be an https URL without a path'],
  [
    'an address in clear',
    { ...valid, apiUrl: 'http://x' },
    'dev.apiUrl is "http://x"; it must be an https URL',
  ],
  [
    'an address with a path',
    { ...valid, apiUrl: 'https://api.plume.example/v1/' },
    'it must be an https URL without a path',
  ],
  ['no client', { apiUrl: valid.apiUrl }, 'dev.client is missing; it must be the name of an M2M client'],
  [
    'a client with a slash',
    { ...valid, client: 'a/b' },
    'dev.client is "a/b"; it must be the name of an M2M client: 1 to 128 letters',
  ],
  [
    'half a minute',
    { ...valid, tickMinutes: 0.5 },
    'dev.tickMinutes is 0.5; it must be a whole number of minutes from 1 to 60',
  ],
  [
    'too many zones',
    { ...valid, zones: 3 },
    'dev.zones is 3; it must be a whole number of availability zones from 0 to 2',
  ],
  [
    'a zone without its letter',
    { ...valid, availabilityZones: ['eu-central-1'] },
    'dev.availabilityZones.0 is "eu-central-1"; it must be one or two different availability zones by name',
  ],
  [
    'one zone twice',
    { ...valid, availabilityZones: ['eu-central-1a', 'eu-central-1a'] },
    'it must be one or two different availability zones by name',
  ],
  [
    'zones by number and by name',
    { ...valid, zones: 1, availabilityZones: ['eu-central-1a'] },
    'it must be a stage with either zones or availabilityZones',
  ],
  [
    'no execution for the minter',
    { ...valid, minterReservedConcurrency: 0 },
    'dev.minterReservedConcurrency is 0; it must be a whole number of executions from 1 to 1000',
  ],
  [
    'an odd retention',
    { ...valid, logRetentionDays: 31 },
    'dev.logRetentionDays is 31; it must be a retention that CloudWatch Logs knows: 1, 3',
  ],
  [
    'a topic by its name',
    { ...valid, alarmTopicArn: 'alarms' },
    'dev.alarmTopicArn is "alarms"; it must be the ARN of an SNS topic',
  ],
  [
    'a limit in words',
    { ...valid, budget: { limit: 'many' } },
    'dev.budget.limit is "many"; it must be a whole number of calls',
  ],
  [
    'an inner key that is unknown',
    { ...valid, budget: { worker: { interval: 1 } } },
    'dev.budget.worker.interval is not a known key',
  ],
  ['a key that is unknown', { ...valid, tick: 1 }, 'dev.tick is not a known key'],
  [
    'the tick among the settings',
    { ...valid, tokenLife: { tickMs: 1 } },
    'dev.tokenLife.tickMs is not a known key',
  ],
  ['no object', 'dev', 'dev is "dev"; it must be an object'],
])('a stage with %s is refused', (_, stage, message) => {
  expect(() => read(stage)).toThrow(message);
});

test.each([undefined, 'prod', 7])('the stage %j, which there is not, is refused', (name) => {
  expect(() => readFrom({ dev: valid }, name)).toThrow(
    /it must be one of the stages in infra\/stages.json: dev/,
  );
});

test('no stages at all are refused', () => {
  expect(() => readFrom({}, 'dev')).toThrow(/there are none/);
});

describe('stages that may find the same secrets', () => {
  const [one, other] = ['111111111111', '222222222222'];
  const stages = (dev: object, prod: object) => ({ dev: { ...valid, ...dev }, prod: { ...valid, ...prod } });

  test.each<[string, object, object]>([
    ['with the default prefix', {}, {}],
    ['with one prefix', { secretPrefix: 'acme' }, { secretPrefix: 'acme' }],
    ['whose prefix is within the other', { secretPrefix: 'acme' }, { secretPrefix: 'acme/prod' }],
    ['of which one says its account', { account: one }, {}],
    ['in one account', { account: one }, { account: one }],
    ['in one region', { region: 'eu-central-1' }, { region: 'eu-central-1' }],
  ])('%s are refused, whichever is deployed', (_, dev, prod) => {
    for (const name of ['dev', 'prod'])
      expect(() => readFrom(stages(dev, prod), name)).toThrow(
        /stages dev and prod may find the same secrets.*its own secretPrefix.*or both an account or a region/,
      );
  });

  test.each<[string, object, object]>([
    ['another prefix', { secretPrefix: 'acme' }, { secretPrefix: 'acme-prod' }],
    ['another account', { account: one }, { account: other }],
    ['another region', { region: 'eu-central-1' }, { region: 'eu-west-1' }],
  ])('are not those with %s', (_, dev, prod) => {
    expect(readFrom(stages(dev, prod), 'prod').name).toBe('prod');
  });
});

test.each([
  ['no JSON', '{', /infra\/stages.json is not JSON/],
  ['a text', '"dev"', /the whole is "dev"; it must be an object/],
  [
    'a stage with a blank',
    '{"a b":{"apiUrl":"https://x.example","client":"mocha"}}',
    /stage "a b" must have a name/,
  ],
])('a file with %s is refused', (_, content, message) => {
  expect(() => readStage({ name: 'infra/stages.json', isExample: false, content }, 'dev')).toThrow(message);
});

test('the account and the region of a stage are those of its stack', () => {
  const stage = read({ ...valid, account: '123456789012', region: 'eu-west-1' });
  expect(stage).toMatchObject({ account: '123456789012', region: 'eu-west-1' });
});

test('a protected stage has a stack and a table that cannot be deleted', () => {
  const stack = createStack(read({ ...valid, deletionProtection: true }));
  expect(stack.terminationProtection).toBe(true);
  const tableOf = (stage: object) =>
    Object.values(
      Template.fromStack(createStack(read({ ...valid, ...stage }))).findResources(
        'AWS::DynamoDB::GlobalTable',
      ),
    )[0]?.Properties.Replicas[0].DeletionProtectionEnabled;
  expect(tableOf({ deletionProtection: true })).toBe(true);
  expect(tableOf({})).toBe(false);
});
