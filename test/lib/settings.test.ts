import { describe, expect, test } from 'vitest';

import { DEFAULT_BUDGET_SETTINGS } from '../../lib/budget/settings.ts';
import { readClient, readSecretPrefix, readSettings } from '../../lib/settings.ts';
import { DEFAULT_TOKEN_SETTINGS } from '../../lib/token/settings.ts';

const environment = { PLUME_TABLE: 'table' };

test('the defaults are those of the contract', () => {
  expect(readSettings(environment)).toEqual({
    service: 'token-broker',
    table: 'table',
    token: DEFAULT_TOKEN_SETTINGS,
    budget: DEFAULT_BUDGET_SETTINGS,
  });
});

test('what is given replaces its default and nothing else', () => {
  const { token, budget } = readSettings({
    ...environment,
    PLUME_TOKEN_SETTINGS: '{"graceMs":1000}',
    PLUME_BUDGET_SETTINGS: '{"name":"egress-a","worker":{"intervalMs":250}}',
  });
  expect(token).toEqual({ ...DEFAULT_TOKEN_SETTINGS, graceMs: 1000 });
  expect(budget).toMatchObject({
    name: 'egress-a',
    limit: 2000,
    worker: { ...DEFAULT_BUDGET_SETTINGS.worker, intervalMs: 250 },
  });
});

describe('a wrong value is refused by its variable, key and rule, and is not repeated', () => {
  test.each([
    [{}, 'PLUME_TABLE is missing'],
    [{ PLUME_TABLE: '' }, 'PLUME_TABLE is missing'],
    [{ ...environment, PLUME_TOKEN_SETTINGS: 'MARKER' }, 'PLUME_TOKEN_SETTINGS must be JSON'],
    [{ ...environment, PLUME_TOKEN_SETTINGS: '["MARKER"]' }, 'PLUME_TOKEN_SETTINGS must be a JSON object'],
    [
      { ...environment, PLUME_TOKEN_SETTINGS: '{"graceMs":"MARKER"}' },
      'PLUME_TOKEN_SETTINGS: graceMs must be a number',
    ],
    [{ ...environment, PLUME_TOKEN_SETTINGS: '{"graceMs":-1}' }, 'graceMs must be at least 0 ms'],
    [{ ...environment, PLUME_TOKEN_SETTINGS: '{"graceMs":0.5}' }, 'graceMs must be a whole number'],
    [
      { ...environment, PLUME_TOKEN_SETTINGS: '{"grace":1}' },
      'PLUME_TOKEN_SETTINGS: grace is not a known key',
    ],
    [
      { ...environment, PLUME_BUDGET_SETTINGS: '{"name":"MARKER#"}' },
      'PLUME_BUDGET_SETTINGS: name must be 1 to 64',
    ],
    [
      { ...environment, PLUME_BUDGET_SETTINGS: '{"worker":{"intervalMs":0}}' },
      'worker.intervalMs must be at least 1',
    ],
    [{ ...environment, PLUME_BUDGET_SETTINGS: '{"limit":0}' }, 'limit must be at least 1'],
    [
      { ...environment, PLUME_BUDGET_SETTINGS: '{"worker":"MARKER"}' },
      'worker must be an object of known keys',
    ],
  ])('%o', (wrong: Record<string, string>, message) => {
    const read = () => readSettings(wrong);
    expect(read).toThrow(message);
    expect(read).toThrow(
      expect.objectContaining({ code: 'config_invalid', message: expect.not.stringContaining('MARKER') }),
    );
  });

  test.each(['/plume', 'plume/', 'a//b', 'a b', 'a#b'])('the secret prefix %j', (prefix) => {
    expect(() => readSecretPrefix({ PLUME_SECRET_PREFIX: prefix })).toThrow('PLUME_SECRET_PREFIX must be');
  });

  test.each(['', 'a/b', 'MARKER MARKER'])('the client %j', (client) => {
    expect(() => readClient({ PLUME_CLIENT: client })).toThrow(/^(?!.*MARKER).*PLUME_CLIENT/);
  });

  test('the secret prefix has a default', () => {
    expect(readSecretPrefix({})).toBe('plume/m2m');
    expect(readSecretPrefix({ PLUME_SECRET_PREFIX: 'team.a/prod' })).toBe('team.a/prod');
  });
});
