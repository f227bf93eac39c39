import { BudgetExhaustedError } from '../budget/errors.ts';
import type { MintBudget, MintRequestKind } from '../budget/mint-budget.ts';
import type { OAuthDeps } from '../oauth/exchange.ts';
import type { Now } from '../platform/clock.ts';
import { answerRule } from '../waf/answer-rule.ts';
import { type ClientRecord, isFailing } from './client-record.ts';
import { isForced, type MintReason } from './mint-times.ts';

/** How the requests of one mint are sent: each takes a ticket, and none leaves when it might not be done in time. */
export interface MintTickets {
  /** Of a token. */
  readonly attempt: NonNullable<OAuthDeps['attempt']>;
  /** Of introspection: tickets that nothing more urgent needs. */
  readonly check: NonNullable<OAuthDeps['attempt']>;
}

export function createMintTickets(mint: {
  readonly client: string;
  readonly budget: MintBudget;
  readonly kind: MintRequestKind;
  readonly now: Now;
  /** The last moment at which a request may be sent. */
  readonly sendByMs: number;
}): MintTickets {
  const { client, budget, kind, now, sendByMs } = mint;
  const waf = answerRule(client, 'a request to the authorization server', budget.isWafBlock);
  const sendWith =
    (kind: MintRequestKind): MintTickets['attempt'] =>
    async (send) => {
      const book = budget.openBook({ kind, patienceMs: () => sendByMs - now() });
      try {
        const response = await book.attempt(
          ({ isValid }) => (now() <= sendByMs ? send(isValid) : undefined),
          { waf },
        );
        if (response !== undefined) return response;
        throw new BudgetExhaustedError(
          'the invocation ran out of time before the request to the authorization server could be sent',
          now(),
        );
      } finally {
        book.close();
      }
    };
  return { attempt: sendWith(kind), check: sendWith('check') };
}

/** What the request for a client's token is for. */
export function kindOfMint(reason: MintReason, record: ClientRecord): MintRequestKind {
  // A token that is about to end is renewed, whatever failed before.
  if (reason.kind === 'due' && reason.despiteRest !== undefined) return 'renewal';
  if (isFailing(record)) return 'retry';
  if (isForced(reason)) return 'forced';
  return record.expiresAtMs === undefined ? 'first' : 'renewal';
}
