import type { CallBudget, TicketBook } from '../budget/call-budget.ts';
import type { Clock } from '../platform/clock.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { TokenReader } from '../token/read-token.ts';
import { answerRule } from '../waf/answer-rule.ts';
import type { IsWafBlock } from '../waf/is-waf-block.ts';
import type { ApiRequest } from './api-request.ts';
import { ApiUnreachableError, RequestNotRepeatableError } from './errors.ts';
import { requestIdOf } from './request-id.ts';
import { NotSentError, send } from './send.ts';

export interface CallDependencies {
  readonly tokens: TokenReader;
  readonly budget: CallBudget;
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** How long one HTTP attempt may take, unless its request says otherwise. */
  readonly timeoutMs: number;
}

/** What the calls of an invocation share. */
export interface CallScope {
  readonly client: string;
  readonly patienceMs: () => number;
  readonly isWafBlock: IsWafBlock;
  readonly book: TicketBook;
  /** The tokens that calls carried, and the header of each: made once, since it is long and compared often. */
  readonly sent: Map<string, string>;
}

export interface Answer {
  readonly response: Response;
  /** The API's id of the call, if it gave one; only error messages need it. */
  readonly requestId: () => string | undefined;
}

/** A connection that takes longer than a ticket lives, time after time, uses up tickets for nothing. */
const MAX_EXPIRED = 2;
const NO_ANSWER = { status: undefined, requestId: undefined };

/**
 * Token, ticket, attempt; after a 401 once more with another token.
 *
 * @param signal ends the call with its reason
 */
export async function callApi(
  { tokens, fetch, clock, telemetry, timeoutMs }: CallDependencies,
  { client, patienceMs, isWafBlock, book, sent }: CallScope,
  request: ApiRequest,
  signal: AbortSignal,
): Promise<Answer> {
  const waf = answerRule(client, `${request.method} ${request.path}`, isWafBlock);
  let rejected: string | undefined;
  let expired = 0;

  for (;;) {
    signal.throwIfAborted();
    const waitUntilMs = clock.now() + patienceMs();
    const served = await tokens.get(client, { waitUntilMs, rejected, signal });
    const { token } = served;
    const authorization = sent.get(token.value) ?? `Bearer ${token.value}`;
    sent.set(token.value, authorization);
    let response: Response | undefined;
    try {
      response = await book.attempt(
        // The wait for a ticket may have outlasted the token: then nothing is sent, and the ticket stays in the book.
        (permit) =>
          tokens.isSendable(client, served)
            ? send({
                client,
                request,
                permit,
                authorization,
                fetch,
                timeoutMs: request.timeoutMs ?? timeoutMs,
                signal,
              })
            : undefined,
        { signal, waf },
      );
    } catch (error) {
      if (!(error instanceof NotSentError)) throw error;
      expired += 1;
      if (expired > MAX_EXPIRED) throw new ApiUnreachableError(client, request, error.message);
      if (!request.repeatable) throw new RequestNotRepeatableError(client, request, NO_ANSWER);
    }
    if (response === undefined) continue;
    const requestId = (): string | undefined => requestIdOf(response, token.value);

    if (response.status !== 401) {
      if (rejected !== undefined) telemetry.metric('TokenRecovered', 1, { client });
      return { response, requestId };
    }

    telemetry.metric('TokenRejected', 1, { client });
    telemetry.log('warn', 'the API rejected the access token', { client, fingerprint: token.fingerprint });
    // A second token rejected is the API's answer. The same one comes again only if it was too young to be judged.
    if (rejected !== undefined && rejected !== token.fingerprint) return { response, requestId };
    await response.body?.cancel();
    rejected = token.fingerprint;
    if (!request.repeatable) {
      await tokens.get(client, { waitUntilMs, rejected, signal });
      throw new RequestNotRepeatableError(client, request, { status: 401, requestId: requestId() });
    }
  }
}
