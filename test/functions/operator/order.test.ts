import { describe, expect, test } from 'vitest';

import { parseOrder } from '../../../functions/operator/order.ts';

const by = 'arn:aws:sts::123456789012:assumed-role/on-call/ada';

describe('parseOrder', () => {
  test.each([
    [
      { pause: 'default', minutes: 30, reason: 'maintenance', by },
      { verb: 'pause', budget: 'default', durationMs: 1_800_000, minter: false, reason: 'maintenance', by },
    ],
    [
      { pause: 'default', minutes: 0.5, reason: ' maintenance ', minter: true },
      {
        verb: 'pause',
        budget: 'default',
        durationMs: 30_000,
        minter: true,
        reason: 'maintenance',
        by: 'unknown',
      },
    ],
    [
      { slow: 'default-2', share: 0.25, minutes: 60, reason: 'incident', by },
      { verb: 'slow', budget: 'default-2', share: 0.25, durationMs: 3_600_000, reason: 'incident', by },
    ],
    [
      { resume: 'default', by },
      { verb: 'resume', budget: 'default', reason: '', by },
    ],
    [
      { lift: 'default', by },
      { verb: 'lift', budget: 'default', reason: '', by },
    ],
    [
      { heal: 'default', by },
      { verb: 'heal', budget: 'default', reason: '', by },
    ],
    [
      { mint: 'mocha', by },
      { verb: 'mint', client: 'mocha', reason: '', by },
    ],
    [
      { forget: 'mocha', by },
      { verb: 'forget', client: 'mocha', reason: '', by },
    ],
    [
      { status: true, by },
      { verb: 'status', budgets: ['own'], reason: '', by },
    ],
    [
      { status: ['a', 'b'], by },
      { verb: 'status', budgets: ['a', 'b'], reason: '', by },
    ],
  ])('%j is an order', (event, order) => {
    expect(parseOrder(event, 'own')).toEqual(order);
  });

  test.each([
    [{}, 'exactly one order'],
    [null, 'exactly one order'],
    [[], 'exactly one order'],
    ['pause', 'exactly one order'],
    [{ pause: 'default', resume: 'default' }, 'exactly one order'],
    [{ pause: 'default', minutes: 30 }, 'its key reason is missing'],
    [{ pause: 'default', reason: 'x' }, 'its key minutes is missing'],
    [{ pause: 'default', minutes: 30, reason: ' ' }, 'its key reason must not be empty'],
    [{ pause: 'a#b', minutes: 30, reason: 'x' }, 'its key pause must be the name of a budget'],
    [{ pause: 'default', minutes: 0, reason: 'x' }, 'its key minutes must be more than 0'],
    [{ pause: 'default', minutes: 10_081, reason: 'x' }, 'its key minutes must be at most 10080'],
    [{ pause: 'default', minutes: Number.NaN, reason: 'x' }, 'its key minutes must be a number'],
    [{ pause: 'default', minutes: 30, reason: 'x', share: 0.5 }, 'its key share is not known'],
    [{ slow: 'default', share: 1, minutes: 30, reason: 'x' }, 'its key share must be below 1'],
    [{ slow: 'default', share: 0, minutes: 30, reason: 'x' }, 'its key share must be at least 0.01'],
    [{ mint: 'a/b' }, "its key mint must be a client's name"],
    [{ status: false }, 'its key status must be true or a list of budgets'],
  ])('%j is refused: %s', (event, rule) => {
    expect(() => parseOrder(event, 'own')).toThrow(rule);
  });
});
