import type { BudgetSettings } from '../../lib/contract.ts';

const stream = { intervalMs: 1, ticketLifeMs: 10_000, burstMs: 1_000, horizonMs: 400 };

/** A thousand calls a second: callers meet at the token, not at the budget. */
export const ABUNDANT_BUDGET: BudgetSettings = {
  name: 'abundant',
  limit: 1_000_000,
  windowMs: 60_000,
  clockAllowanceMs: 100,
  networkDelayMs: 500,
  blockMs: 60_000,
  worker: stream,
  minter: stream,
};
