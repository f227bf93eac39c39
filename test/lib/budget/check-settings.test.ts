import { describe, expect, test } from 'vitest';

import { checkBudgetSettings } from '../../../lib/budget/check-settings.ts';
import { DEFAULT_BUDGET_SETTINGS as SETTINGS } from '../../../lib/budget/settings.ts';
import { ConfigError } from '../../../lib/errors.ts';

describe('checkBudgetSettings', () => {
  test('passes the defaults through', () => {
    expect(checkBudgetSettings(SETTINGS)).toBe(SETTINGS);
  });

  test('refuses a bound above the limit, with its arithmetic', () => {
    const tooFast = { ...SETTINGS, worker: { ...SETTINGS.worker, intervalMs: 160 } };
    expect(() => checkBudgetSettings(tooFast)).toThrow(ConfigError);
    expect(() => checkBudgetSettings(tooFast)).toThrow(
      'call budget default: up to 2054 calls could reach the WAF in 300000 ms, which allows 2000: ' +
        'worker floor((300000 + 15000 + 2 × 2000 + 3000 = 322000) / 160) + 1 = 2013, ' +
        'minter floor((300000 + 100000 + 2 × 2000 + 3000 = 407000) / 10000) + 1 = 41. ' +
        'Lengthen an interval, shorten a ticket life, or lower the allowances for clock and network',
    );
  });

  test('accepts a bound that just reaches the limit', () => {
    expect(checkBudgetSettings({ ...SETTINGS, limit: 1936 }).limit).toBe(1936);
    expect(() => checkBudgetSettings({ ...SETTINGS, limit: 1935 })).toThrow('1936');
  });

  test("accepts README's share for many clients, at the vendor's six calls a second", () => {
    const minter = { ...SETTINGS.minter, intervalMs: 2_000 };
    const worker = { ...SETTINGS.worker, intervalMs: 182 };
    expect(checkBudgetSettings({ ...SETTINGS, minter, worker }).limit).toBe(2000);
    expect(1000 / minter.intervalMs + 1000 / worker.intervalMs).toBeLessThanOrEqual(6);
  });

  test.each([
    ['a shorter interval', { intervalMs: 169 }, 1935],
    ['a longer ticket life', { ticketLifeMs: 17_000 }, 1936],
  ])("accepts README's %s for a quick network, with the bound that it says", (_, change, bound) => {
    const settings = { ...SETTINGS, networkDelayMs: 1_000, worker: { ...SETTINGS.worker, ...change } };
    expect(checkBudgetSettings({ ...settings, limit: bound }).limit).toBe(bound);
    expect(() => checkBudgetSettings({ ...settings, limit: bound - 1 })).toThrow(String(bound));
  });

  test.each([
    ['an empty name', { name: '' }, 'name'],
    ['a name that breaks the key', { name: 'a#b' }, 'name'],
    ['no limit', { limit: 0 }, 'limit'],
    ['half a call', { limit: 2000.5 }, 'limit'],
    ['no window', { windowMs: 0 }, 'windowMs'],
    ['a negative allowance', { clockAllowanceMs: -1 }, 'clockAllowanceMs'],
    ['an unknown delay', { networkDelayMs: Number.NaN }, 'networkDelayMs'],
    ['no interval', { worker: { ...SETTINGS.worker, intervalMs: 0 } }, 'worker.intervalMs'],
    ['half a millisecond', { worker: { ...SETTINGS.worker, intervalMs: 170.5 } }, 'worker.intervalMs'],
    ['no life', { minter: { ...SETTINGS.minter, ticketLifeMs: 0 } }, 'minter.ticketLifeMs'],
    ['no horizon', { minter: { ...SETTINGS.minter, horizonMs: 0 } }, 'minter.horizonMs'],
    ['a burst older than its tickets', { worker: { ...SETTINGS.worker, burstMs: 15_001 } }, 'worker.burstMs'],
    ['a limit below one, and says where it stands', { limit: -1 }, 'budget.limit must be'],
  ])('refuses %s', (_, change, key) => {
    expect(() => checkBudgetSettings({ ...SETTINGS, ...change })).toThrow(key);
  });
});
