import { type IsWafBlock, WAF_RULES } from '../waf/is-waf-block.ts';
import { createBorrowingSource } from './borrowed-tickets.ts';
import { type BudgetDependencies, breakerOf, opener, partsOf, sourceOf } from './budget-parts.ts';
import { lentLine, type MintRequestKind, mintLine, mintWaitMs } from './lines.ts';
import type { PauseOrder } from './orders.ts';
import type { TicketBook } from './ticket-book.ts';

export type { MintRequestKind } from './lines.ts';

/** The requests to the authorization server that leave through one egress address. */
export interface MintBudget {
  /**
   * One book per request. Which tickets it may take depends on what the request is for: {@link MintRequestKind}.
   *
   * @param options.patienceMs how long the request may wait for its ticket, from now on
   */
  openBook(options: { readonly kind: MintRequestKind; readonly patienceMs: () => number }): TicketBook;
  /**
   * How long a request may have to wait for its ticket beside saturated workers, in ms: 45 s by default. A mint's lease needs
   * more than that; so that many wait at the same time, begin many mints at the same time.
   */
  readonly maxWaitMs: number;
  /** Tells the WAF's refusal from an answer, by the rule of the settings. */
  readonly isWafBlock: IsWafBlock;
}

/**
 * The minter's requests draw on a stream of their own. Its circuit breaker learns what the WAF answers to them, whichever
 * stream their ticket was from: so a wrong `tokenUrl` stops no worker.
 *
 * @param dependencies.tellsBreaker whether it learns: not from the inspector's requests: only the inspector's caller sees their refusals
 * @throws {ConfigError} if the settings' bound exceeds their limit, or they make no sense
 */
export function createMintBudget(
  dependencies: BudgetDependencies & {
    /** @default true */
    readonly tellsBreaker?: boolean;
  },
): MintBudget {
  const parts = partsOf(dependencies);
  const { settings, clock } = parts;
  const { tellsBreaker = true } = dependencies;
  const breaker = breakerOf(parts, 'minter', tellsBreaker);
  /** Minting goes on in a pause, unless the order says otherwise. */
  const isPausedBy = ({ minter }: PauseOrder): boolean => minter;
  const requests = { stream: 'minter', breaker, isPausedBy } as const;
  const own = sourceOf(parts, { ...requests, mayProbe: tellsBreaker });
  const workers = sourceOf(parts, {
    stream: 'worker',
    breaker: breakerOf(parts, 'worker', false),
    isPausedBy,
    mayProbe: false,
  });
  const maxWaitMs = mintWaitMs(settings);
  const source = createBorrowingSource({
    own,
    workers,
    lentLine: lentLine(settings),
    maxWaitMs,
    now: clock.now,
  });
  const openBook = opener(parts, { ...requests, source });
  return {
    maxWaitMs,
    isWafBlock: WAF_RULES[settings.wafRule],
    openBook: ({ kind, patienceMs }) => openBook({ line: mintLine(kind, settings), calls: 1, patienceMs }),
  };
}
