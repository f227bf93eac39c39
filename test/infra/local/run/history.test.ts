import { expect, test } from 'vitest';

import type { RunEvent, UntimedEvent } from '../../../../infra/local/run/events.ts';
import { createHistory } from '../../../../infra/local/run/history.ts';

type Timed = readonly [atMs: number, event: UntimedEvent];

function errorsOf(...events: readonly Timed[]): readonly string[] {
  const history = createHistory();
  for (const [atMs, event] of events) history.add({ atMs, ...event } as RunEvent);
  return history.errors();
}

const granted = (fromMs: number, toMs: number, durationMs = 1): UntimedEvent => ({
  kind: 'tickets-granted',
  counter: 'budget#b#worker',
  fromMs,
  toMs,
  durationMs,
});
const issued = (fingerprint: string, client = 'mocha'): UntimedEvent => ({
  kind: 'token-issued',
  client,
  fingerprint,
  issuedAtMs: 0,
  expiresAtMs: 10_000,
});
const answer = (fingerprint: string, refusal?: 'revoked' | 'expired'): UntimedEvent => ({
  kind: 'answer',
  endpoint: 'api',
  status: refusal === undefined ? 200 : 401,
  client: 'mocha',
  fingerprint,
  refusal,
});

test('a history without a fault has no errors', () => {
  expect(
    errorsOf(
      [10, issued('one')],
      [11, granted(100, 200)],
      // Sent before the first was answered: either may be the earlier one.
      [12, granted(50, 100, 5)],
      [13, answer('one')],
      [14, answer('one', 'revoked')],
      [15, issued('two')],
      [16, issued('three', 'latte')],
      [9_000, issued('four')],
    ),
  ).toEqual([]);
});

test.each<[string, readonly Timed[], RegExp]>([
  [
    'the same tickets twice',
    [
      [1, granted(0, 100)],
      [2, granted(90, 190)],
    ],
    /^budget#b#worker granted the tickets from 90 to 100 twice$/,
  ],
  [
    'a grant inside another',
    [
      [1, granted(0, 100)],
      [2, granted(20, 30)],
    ],
    /from 20 to 30 twice/,
  ],
  [
    'earlier tickets to who came later',
    [
      [1, granted(100, 200)],
      [9, granted(0, 100)],
    ],
    /sent after the one for 100 was answered/,
  ],
  [
    'a second token at once',
    [
      [1, issued('one')],
      [2, issued('two')],
    ],
    /^client mocha got a token 1 ms after another, without need$/,
  ],
  [
    'a second token for a refusal of the one before it',
    [
      [1, issued('one')],
      [9_000, issued('two')],
      [9_001, answer('one', 'revoked')],
      [9_002, issued('three')],
    ],
    /2 ms after another/,
  ],
  ['an expired token', [[1, answer('one', 'expired')]], /^a call of client mocha carried an expired token$/],
])('finds %s', (_, events, error) => {
  expect(errorsOf(...events)).toEqual([expect.stringMatching(error)]);
});
