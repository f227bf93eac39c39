import { expect, test } from 'vitest';

import { createBorrowingSource } from '../../../lib/budget/borrowed-tickets.ts';
import { lentLine, mintLine } from '../../../lib/budget/lines.ts';
import { DEFAULT_BUDGET_SETTINGS } from '../../../lib/budget/settings.ts';
import type { Refusal, TicketSource, Want } from '../../../lib/budget/stream-tickets.ts';
import type { Ticket } from '../../../lib/budget/tickets.ts';

const NOW_MS = 1_000_000;
const MAX_WAIT_MS = 45_000;
const LENT = lentLine(DEFAULT_BUDGET_SETTINGS);
const WANT: Want = { count: 1, line: mintLine('renewal', DEFAULT_BUDGET_SETTINGS) };
const TICKETS: readonly Ticket[] = [{ validFromMs: NOW_MS, expiresAtMs: NOW_MS + 15_000 }];

const refusal = (of: Partial<Refusal>): Refusal => ({
  why: 'exhausted',
  stream: 'minter',
  retryAtMs: NOW_MS + 1_000,
  ...of,
});

/** Asks a source of which both streams answer as given. */
async function ask(own: readonly Ticket[] | Refusal, lent: readonly Ticket[] | Refusal, want = WANT) {
  const lentAsks: { want: Want; untilMs: number }[] = [];
  const answering = (answer: typeof own, note: (want: Want, untilMs: number) => void): TicketSource => ({
    async ask(asked, untilMs) {
      note(asked, untilMs());
      return answer;
    },
    look: async () => {},
  });
  const source = createBorrowingSource({
    own: answering(own, () => {}),
    workers: answering(lent, (asked, untilMs) => lentAsks.push({ want: asked, untilMs })),
    lentLine: LENT,
    maxWaitMs: MAX_WAIT_MS,
    now: () => NOW_MS,
  });
  const answer = (patienceMs: number) => source.ask(want, () => NOW_MS + patienceMs);
  return { lentAsks, answer };
}

test("while the minter's own stream has tickets, the workers' is not asked", async () => {
  const { answer, lentAsks } = await ask(TICKETS, refusal({}));
  expect(await answer(60_000)).toBe(TICKETS);
  expect(lentAsks).toEqual([]);
});

test.each([
  [60_000, MAX_WAIT_MS],
  [10_000, 10_000],
])(
  "a request with %i ms takes a ticket of the workers' that is valid within %i ms",
  async (patienceMs, ms) => {
    const { answer, lentAsks } = await ask(refusal({}), TICKETS);
    expect(await answer(patienceMs)).toBe(TICKETS);
    expect(lentAsks).toEqual([{ want: { count: 1, line: LENT }, untilMs: NOW_MS + ms }]);
  },
);

test.each<[string, Refusal, Want]>([
  ['the WAF refuses the address', refusal({ why: 'blocked' }), WANT],
  ['its kind may not borrow', refusal({}), { count: 1, line: mintLine('check', DEFAULT_BUDGET_SETTINGS) }],
])("a request whose own stream refuses it asks the workers' for nothing, if %s", async (_, own, want) => {
  const { answer, lentAsks } = await ask(own, TICKETS, want);
  expect(await answer(60_000)).toBe(own);
  expect(lentAsks).toEqual([]);
});

test.each([
  ['sooner', 500, 1_000, 'minter'],
  ['later', 1_500, 1_000, 'worker'],
  ['at the same moment', 1_000, 1_000, 'minter'],
])('of two refusals the sooner one counts: its own is %s', async (_, ownMs, lentMs, stream) => {
  const { answer } = await ask(
    refusal({ retryAtMs: NOW_MS + ownMs }),
    refusal({ retryAtMs: NOW_MS + lentMs, stream: 'worker' }),
  );
  expect(await answer(60_000)).toMatchObject({ stream });
});

test.each([
  [true, false, 'worker'],
  [false, true, 'minter'],
])('of two refusals the one counts that is not in vain (%s, %s), however late', async (own, lent, stream) => {
  const { answer } = await ask(
    refusal({ isInVain: own, retryAtMs: NOW_MS + (own ? 1 : 2) }),
    refusal({ isInVain: lent, retryAtMs: NOW_MS + (lent ? 1 : 2), stream: 'worker' }),
  );
  expect(await answer(60_000)).toMatchObject({ stream });
});
