import type { CallBudget } from '../budget/call-budget.ts';
import { BudgetExhaustedError } from '../budget/errors.ts';
import type { OAuthDeps } from '../oauth/exchange.ts';
import type { Now } from '../platform/clock.ts';
import { wafRule } from '../waf/waf-rule.ts';

/** Runs `use` with a way to send requests of one mint: each takes a ticket, and none leaves after `sendByMs`. */
export async function withTickets<Result>(
  { client, budget, now, sendByMs }: { client: string; budget: CallBudget; now: Now; sendByMs: number },
  use: (attempt: NonNullable<OAuthDeps['attempt']>) => Promise<Result>,
): Promise<Result> {
  const waf = wafRule(client, 'a request to the authorization server', budget.isWafBlock);
  const book = budget.openBook({ patienceMs: () => sendByMs - now() });
  try {
    return await use(async (send) => {
      const response = await book.attempt(() => (now() <= sendByMs ? send() : undefined), { waf });
      if (response !== undefined) return response;
      throw new BudgetExhaustedError('the time for this mint is over before its request was sent', now());
    });
  } finally {
    book.close();
  }
}
