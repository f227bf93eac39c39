import { expect, test } from 'vitest';

import { BudgetClosedError } from '../../../lib/budget/errors.ts';
import { DEFAULT_BUDGET_SETTINGS } from '../../../lib/budget/settings.ts';
import { reachCounter } from '../../../lib/budget/stream-tickets.ts';
import { storedMoment } from '../../../lib/platform/stored-moment.ts';

const START_MS = 1_000_000_000;

function reach(stream: 'worker' | 'minter', request: () => Promise<unknown>) {
  const now = () => START_MS;
  return reachCounter(request, {
    settings: DEFAULT_BUDGET_SETTINGS,
    stream,
    clock: { now: () => START_MS + 600_000, localNow: now, isSteady: () => true, sleep: async () => {} },
    random: () => 0.501,
  }).catch((thrown: unknown) => thrown as Error);
}

test.each([
  ['worker', 15_010],
  ['minter', 7_505],
] as const)(
  'a counter that cannot be reached is an error with the reason alone: %s, tried again in half a line to a whole one',
  async (stream, retryInMs) => {
    const error = await reach(stream, async () => {
      throw Object.assign(new Error('secret text'), { name: 'TimeoutError' });
    });
    expect(error).toMatchObject({
      name: 'BudgetUnavailableError',
      code: 'budget_unavailable',
      retryAtMs: START_MS + retryInMs,
      message: expect.stringContaining(
        'call budget default cannot reach its counter in DynamoDB (TimeoutError)',
      ),
    });
    expect(String(error)).not.toContain('secret text');
  },
);

test('a counter whose item cannot be read is an error that says to delete the item', async () => {
  const error = await reach('minter', async () => storedMoment({ nextMs: { S: 'soon' } }, 'nextMs'));
  expect(error).toMatchObject({
    code: 'budget_unavailable',
    message: expect.stringMatching(/cannot use its minter counter.*nextMs.*delete that item/),
  });
});

test('an error of the budget itself is thrown unchanged, and an answer returned', async () => {
  const own = new BudgetClosedError();
  expect(await reach('worker', () => Promise.reject(own))).toBe(own);
  expect(own).toMatchObject({ name: 'BudgetClosedError', code: 'budget_closed' });
  expect(own.message).toContain('make the call in another invocation');
  expect(await reach('worker', async () => 'answer')).toBe('answer');
});
