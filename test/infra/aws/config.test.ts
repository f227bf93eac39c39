import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import { readStage } from '../../../infra/aws/config.ts';
import { createStack } from './synth.ts';

const { context } = JSON.parse(readFileSync(new URL('../../../cdk.json', import.meta.url), 'utf8'));
const valid = { apiUrl: 'https://api.plume.example/', client: 'mocha' };

function read(stage: unknown) {
  return readStage({ dev: stage }, 'dev');
}

describe('cdk.json', () => {
  test.each(Object.keys(context.stages))('stage %s can be deployed', (name) => {
    expect(() => createStack(readStage(context.stages, name))).not.toThrow();
  });

  test('names a stage that there is', () => {
    expect(readStage(context.stages, context.stage).name).toBe(context.stage);
  });
});

test('a stage may leave out all but two keys', () => {
  expect(read(valid)).toEqual({ ...valid, name: 'dev' });
});

test('a stage may set all keys', () => {
  const stage = {
    ...valid,
    secretPrefix: 'acme/plume',
    tickMinutes: 2,
    token: { graceMs: 45_000, introspectEveryMs: 600_000 },
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
  ['no address', { client: 'mocha' }, 'stages.dev.apiUrl is missing; it must be an https URL without a path'],
  [
    'an address in clear',
    { ...valid, apiUrl: 'http://x' },
    'stages.dev.apiUrl is "http://x"; it must be an https URL',
  ],
  [
    'an address with a path',
    { ...valid, apiUrl: 'https://api.plume.example/v1/' },
    'it must be an https URL without a path',
  ],
  [
    'no client',
    { apiUrl: valid.apiUrl },
    'stages.dev.client is missing; it must be the name of an M2M client',
  ],
  [
    'a client with a slash',
    { ...valid, client: 'a/b' },
    'stages.dev.client is "a/b"; it must be 1 to 128 letters',
  ],
  [
    'half a minute',
    { ...valid, tickMinutes: 0.5 },
    'stages.dev.tickMinutes is 0.5; it must be a whole number of minutes from 1 to 60',
  ],
  [
    'too many zones',
    { ...valid, zones: 3 },
    'stages.dev.zones is 3; it must be a whole number of availability zones from 0 to 2',
  ],
  [
    'a zone without its letter',
    { ...valid, availabilityZones: ['eu-central-1'] },
    'stages.dev.availabilityZones.0 is "eu-central-1"; it must be one or two different availability zones by name',
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
    'stages.dev.minterReservedConcurrency is 0; it must be a whole number of executions from 1 to 1000',
  ],
  [
    'an odd retention',
    { ...valid, logRetentionDays: 31 },
    'stages.dev.logRetentionDays is 31; it must be a retention that CloudWatch Logs knows: 1, 3',
  ],
  [
    'a topic by its name',
    { ...valid, alarmTopicArn: 'alarms' },
    'stages.dev.alarmTopicArn is "alarms"; it must be the ARN of an SNS topic',
  ],
  [
    'a limit in words',
    { ...valid, budget: { limit: 'many' } },
    'stages.dev.budget.limit is "many"; it must be a whole number of calls',
  ],
  [
    'an inner key that is unknown',
    { ...valid, budget: { worker: { interval: 1 } } },
    'stages.dev.budget.worker.interval is no known key',
  ],
  ['a key that is unknown', { ...valid, tick: 1 }, 'stages.dev.tick is no known key'],
  [
    'the tick among the settings',
    { ...valid, token: { tickMs: 1 } },
    'stages.dev.token.tickMs is no known key',
  ],
  ['no object', 'dev', 'stages.dev is "dev"; it must be an object'],
])('a stage with %s is refused', (_, stage, message) => {
  expect(() => read(stage)).toThrow(message);
});

test.each([undefined, 'prod', 7])('the stage %j, which there is not, is refused', (name) => {
  expect(() => readStage({ dev: valid }, name)).toThrow(/it must be one of the stages in cdk.json: dev/);
});

test('no stages at all are refused', () => {
  expect(() => readStage(undefined, 'dev')).toThrow(/there are none/);
});
