import { describe, expect, test } from 'vitest';

import { budgetSettings, DEFAULT_BUDGET_SETTINGS } from '../../lib/budget/settings.ts';
import { ENV } from '../../lib/contract.ts';
import {
  type MinterSettings,
  readMinterSettings,
  readWatchedStreams,
  readWorkerSettings,
  type WorkerSettings,
} from '../../lib/settings.ts';
import { DEFAULT_TOKEN_SETTINGS } from '../../lib/token/settings.ts';

const broker: WorkerSettings & MinterSettings = {
  table: 'table',
  minter: 'minter',
  apiUrl: 'https://api.plume.example/',
  service: 'token-broker',
  metrics: 'alarmed',
  tokenLife: DEFAULT_TOKEN_SETTINGS,
  budget: DEFAULT_BUDGET_SETTINGS,
  secretPrefix: 'plume/m2m',
};
const environment = (settings: unknown) => ({ [ENV.broker]: JSON.stringify(settings) });
/** `budget.worker.intervalMs` → the broker with that value there. */
function changed(path: string, value: unknown): unknown {
  const copy = structuredClone(broker) as never;
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  const inner = keys.reduce<Record<string, unknown>>((object, key) => object[key] as never, copy);
  inner[last] = value;
  return copy;
}

test('a worker and the minter read the same variable, each what it needs', () => {
  const { secretPrefix, ...forWorker } = broker;
  const { minter, ...forMinter } = broker;
  expect(readWorkerSettings(environment(forWorker))).toEqual(forWorker);
  expect(readMinterSettings(environment(forMinter))).toEqual(forMinter);
  expect(() => readWorkerSettings(environment(forMinter))).toThrow('PLUME_BROKER.minter is missing');
  expect(() => readMinterSettings(environment(forWorker))).toThrow('PLUME_BROKER.secretPrefix is missing');
});

test('a function without the variable does not start with a budget of its own', () => {
  for (const none of [{}, { [ENV.broker]: '' }]) {
    expect(() => readWorkerSettings(none)).toThrow(
      expect.objectContaining({
        code: 'config_invalid',
        message: expect.stringContaining('PLUME_BROKER is missing'),
      }),
    );
  }
});

test('http to loopback as the address of the API is refused inside Lambda, where the runtime API listens', () => {
  const local = environment(changed('apiUrl', 'http://127.0.0.1:9001/'));
  const inLambda = { ...local, AWS_LAMBDA_RUNTIME_API: '127.0.0.1:9001' };
  for (const read of [readWorkerSettings, readMinterSettings]) {
    expect(read(local).apiUrl).toBe('http://127.0.0.1:9001/');
    expect(() => read(inLambda)).toThrow('PLUME_BROKER.apiUrl must be an https URL (http to loopback works');
  }
});

test('a setting that is missing is refused, unless it may be left out', () => {
  expect(DEFAULT_TOKEN_SETTINGS.introspectEveryMs).toBeUndefined();
  for (const path of [
    'table',
    'apiUrl',
    'tokenLife',
    'budget',
    'budget.name',
    'budget.worker',
    'budget.worker.burstMs',
  ])
    expect(() => readWorkerSettings(environment(changed(path, undefined))), path).toThrow(
      `PLUME_BROKER.${path} `,
    );
});

test('a key of a later version is ignored', () => {
  expect(readWorkerSettings(environment(changed('budget.later', 1)))).toMatchObject(broker);
});

test('what is given replaces its default and nothing else', () => {
  expect(budgetSettings({ name: 'egress-a', worker: { intervalMs: 250 } })).toEqual({
    ...DEFAULT_BUDGET_SETTINGS,
    name: 'egress-a',
    worker: { ...DEFAULT_BUDGET_SETTINGS.worker, intervalMs: 250 },
  });
});

describe('a wrong value is refused by its key and rule, and is not repeated', () => {
  test.each<[string, unknown, string]>([
    ['table', '', "table must be the table's name or ARN"],
    ['table', { MARKER: 1 }, "table must be the table's name or ARN"],
    ['apiUrl', 'http://MARKER.example', 'apiUrl must be an https URL (http for loopback only)'],
    ['apiUrl', 'https://MARKER.example/v1', 'apiUrl must have no path'],
    ['tokenLife', 'MARKER', 'tokenLife must be an object'],
    ['tokenLife', ['MARKER'], 'tokenLife must be an object'],
    [
      'tokenLife.graceMs',
      'MARKER',
      'tokenLife.graceMs must be a whole number of milliseconds from 0 to 2678400000',
    ],
    ['tokenLife.graceMs', -1, 'tokenLife.graceMs must be'],
    ['tokenLife.graceMs', 0.5, 'tokenLife.graceMs must be'],
    [
      'tokenLife.introspectEveryMs',
      0,
      'tokenLife.introspectEveryMs must be a whole number of milliseconds from 1',
    ],
    ['budget.name', 'MARKER#', 'budget.name must be 1 to 64 letters, digits and _.-'],
    ['budget.name', '', 'budget.name must be 1 to 64'],
    ['budget.limit', 0, 'budget.limit must be a whole number of calls from 1'],
    ['budget.worker', 'MARKER', 'budget.worker must be an object'],
    ['budget.worker.intervalMs', 0, 'budget.worker.intervalMs must be'],
    ['budget.minter.horizonMs', null, 'budget.minter.horizonMs must be'],
  ])('%s: %j', (path, value, message) => {
    const read = () => readWorkerSettings(environment(changed(path, value)));
    expect(read).toThrow(message);
    expect(read).toThrow(
      expect.objectContaining({ code: 'config_invalid', message: expect.not.stringContaining('MARKER') }),
    );
  });

  test.each(['MARKER', '["MARKER"]', '"MARKER"', 'null'])('the variable %s', (json) => {
    expect(() => readWorkerSettings({ [ENV.broker]: json })).toThrow(
      /^(?!.*MARKER).*PLUME_BROKER must be (JSON|an object)$/,
    );
  });

  test.each(['', '/plume', 'plume/', 'a//b', 'a b', 'a#b', 'x'.repeat(384)])(
    'the secret prefix %j',
    (prefix) => {
      expect(() => readMinterSettings(environment({ ...broker, secretPrefix: prefix }))).toThrow(
        'secretPrefix must be a valid secret name prefix',
      );
    },
  );
});

describe('the streams that the minter watches', () => {
  const read = (watched?: string) => readWatchedStreams({ PLUME_WATCHED_STREAMS: watched }, 'own');

  test('are those that the variable lists, or both of its own budget', () => {
    expect(read('own#minter,zone-1#worker')).toEqual([
      { budget: 'own', stream: 'minter' },
      { budget: 'zone-1', stream: 'worker' },
    ]);
    expect(read()).toEqual([
      { budget: 'own', stream: 'worker' },
      { budget: 'own', stream: 'minter' },
    ]);
  });

  test.each(['MARKER', 'MARKER#', '#worker', 'MARKER#worker,', 'MARKER#other', 'a#b#worker'])(
    'refuse %j',
    (watched) => {
      expect(() => read(watched)).toThrow(/^(?!.*MARKER).*PLUME_WATCHED_STREAMS must be/);
    },
  );
});
