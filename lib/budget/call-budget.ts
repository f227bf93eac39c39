import type { Priority } from '../contract.ts';
import { type IsWafBlock, WAF_RULES } from '../waf/is-waf-block.ts';
import { type BudgetDependencies, breakerOf, opener, partsOf, sourceOf } from './budget-parts.ts';
import type { BudgetForecast } from './forecast.ts';
import { workerLine } from './lines.ts';
import { readForecast } from './read-forecast.ts';
import type { TicketBook } from './ticket-book.ts';

export type { BudgetDependencies } from './budget-parts.ts';
export type { BudgetForecast } from './forecast.ts';
export type { Permit, TicketBook } from './ticket-book.ts';

/** The workers' calls that leave through one egress address. One for the life of an environment. */
export interface CallBudget {
  /**
   * One book per invocation.
   *
   * @param options.calls how many HTTP attempts the invocation expects: tickets are reserved in blocks of
   *   up to ten, or more of a stream that is faster than the default
   * @param options.patienceMs how long a reservation that begins now may wait, such as the rest of the invocation; a span
   *   and not a moment, since the caller's clock is not the budget's
   * @param options.priority how long a line its calls may join: of low priority are those that can wait for what others leave
   */
  openBook(options: {
    readonly calls?: number;
    readonly patienceMs: () => number;
    readonly priority?: Priority;
  }): TicketBook;
  /** When calls could start: as {@link readForecast}. */
  forecast(): Promise<BudgetForecast>;
  /** Tells the WAF's refusal from an answer, by the rule of the settings. */
  readonly isWafBlock: IsWafBlock;
}

/** @throws {ConfigError} if the settings' bound exceeds their limit, or they make no sense */
export function createCallBudget(dependencies: BudgetDependencies): CallBudget {
  const parts = partsOf(dependencies);
  const { settings } = parts;
  const breaker = breakerOf(parts, 'worker', true);
  const calls = { stream: 'worker', breaker, mayProbe: true, isPausedBy: () => true } as const;
  const openBook = opener(parts, { ...calls, source: sourceOf(parts, calls) });
  const lines = { normal: workerLine('normal', settings), low: workerLine('low', settings) };
  return {
    isWafBlock: WAF_RULES[settings.wafRule],
    forecast: () => readForecast(parts),
    openBook: ({ calls = 1, patienceMs, priority = 'normal' }) =>
      openBook({ line: lines[priority], calls, patienceMs }),
  };
}
