import type { CallBudget, TicketBook } from '../budget/call-budget.ts';
import type { Clock } from '../clock.ts';
import type { BufferedTelemetry } from '../telemetry/telemetry.ts';
import type { TokenReader } from '../token/read-token.ts';
import { unlessAborted } from '../unless-aborted.ts';
import { apiRequest } from './api-request.ts';
import {
  InvocationOverError,
  RequestNotRepeatableError,
  SessionClosedError,
  WafBlockedError,
} from './errors.ts';
import { send } from './send.ts';
import { type IsWafBlock, isWafBlock as isNotJson403 } from './waf-block.ts';

/** Calls Plume's API with the shared token and within the shared budget. One for the life of an environment. */
export interface PlumeCaller {
  /** Opens the calls of one invocation, of one client. */
  open(invocation: Invocation): PlumeSession;
}

export interface Invocation {
  readonly client: string;
  /** How many calls are expected: tickets are reserved in blocks of that many. */
  readonly calls?: number | undefined;
  /** How long, in ms, a call may wait for a token or a ticket if it begins to wait now. */
  readonly patienceMs: () => number;
  /**
   * After how long, in ms, calls are given up, wherever they stand: the invocation is about to end. Infinity where nothing
   * ends it.
   */
  readonly endsInMs: number;
  /** @default - a 403 whose body is not JSON */
  readonly isWafBlock?: IsWafBlock | undefined;
}

/** The calls of one invocation. Nothing of it outlives {@link PlumeSession.close}. */
export interface PlumeSession {
  /** See `PlumeContext.fetch` in the middleware. */
  fetch(input: string | URL, init?: RequestInit): Promise<Response>;
  /** Drops the tickets left, aborts the calls under way, waits until they have ended and flushes the metrics. */
  close(): Promise<void>;
}

export interface PlumeDependencies {
  readonly apiUrl: URL;
  readonly tokens: TokenReader;
  readonly budget: CallBudget;
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  readonly telemetry: BufferedTelemetry;
  /** How long one HTTP attempt may take. */
  readonly timeoutMs: number;
}

export function createPlumeCaller(dependencies: PlumeDependencies): PlumeCaller {
  return {
    open({ client, calls, patienceMs, endsInMs, isWafBlock = isNotJson403 }) {
      const { clock, telemetry } = dependencies;
      const book = dependencies.budget.openBook({
        patienceMs,
        ...(calls !== undefined && { calls }),
      });
      const ended = new AbortController();
      const underWay = new Set<Promise<Response>>();
      if (endsInMs < Number.POSITIVE_INFINITY) {
        clock.sleep(Math.max(endsInMs, 0), ended.signal).then(
          () => ended.abort(new InvocationOverError(client, clock.now())),
          () => {},
        );
      }

      return {
        fetch(input, init) {
          const session = { client, patienceMs, isWafBlock, book, ended: ended.signal };
          const call = callApi(dependencies, session, input, init);
          underWay.add(call);
          const answer = call.finally(() => underWay.delete(call));
          // A caller that does not await must not bring the whole environment down.
          answer.catch(() => {});
          return answer;
        },
        async close() {
          if (underWay.size > 0) {
            telemetry.log('warn', 'calls were not awaited by the handler and are aborted', {
              client,
              calls: underWay.size,
            });
          }
          ended.abort(new SessionClosedError(client));
          book.close();
          await Promise.allSettled(underWay);
          telemetry.flush();
        },
      };
    },
  };
}

interface Session extends Pick<Invocation, 'client' | 'patienceMs'> {
  readonly isWafBlock: IsWafBlock;
  readonly book: TicketBook;
  readonly ended: AbortSignal;
}

/** The whole of one call: token, ticket, attempt; after a 401 once more with another token. */
async function callApi(
  { apiUrl, tokens, budget, fetch, clock, telemetry, timeoutMs }: PlumeDependencies,
  { client, patienceMs, isWafBlock, book, ended }: Session,
  input: string | URL,
  init?: RequestInit,
): Promise<Response> {
  const request = apiRequest(client, apiUrl, input, init);
  const signal = AbortSignal.any([ended, ...(init?.signal ? [init.signal] : [])]);
  let rejected: string | undefined;

  for (;;) {
    signal.throwIfAborted();
    const waitUntilMs = clock.now() + patienceMs();
    const served = await tokens.get(client, { waitUntilMs, rejected, signal });
    const { token } = served;
    const response = await book.attempt(
      // The wait for a ticket may have outlasted the token: then nothing is sent, and the ticket stays in the book.
      () =>
        tokens.isSendable(client, served)
          ? send({ client, request, token: token.value, fetch, timeoutMs, signal })
          : undefined,
      signal,
    );
    if (response === undefined) continue;

    if (isWafBlock(response)) {
      await response.body?.cancel();
      throw new WafBlockedError(client, await unlessAborted(budget.block(), signal));
    }
    if (response.status !== 401) {
      if (rejected !== undefined) telemetry.metric('TokenRecovered', 1, { client });
      return response;
    }

    telemetry.metric('TokenRejected', 1, { client });
    telemetry.log('warn', 'the API rejected the access token', { client, fingerprint: token.fingerprint });
    // A second token rejected is the API's answer. The same one comes again only if it was too young to be judged.
    if (rejected !== undefined && rejected !== token.fingerprint) return response;
    await response.body?.cancel();
    rejected = token.fingerprint;
    if (!request.repeatable) {
      await tokens.get(client, { waitUntilMs, rejected, signal });
      throw new RequestNotRepeatableError(client, request);
    }
  }
}
