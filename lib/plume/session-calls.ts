import type { BufferedTelemetry } from '../telemetry/telemetry.ts';
import { type IsWafBlock, isWafBlock as isNotJson403 } from '../waf/waf-block.ts';
import { type ApiRequest, apiRequest } from './api-request.ts';
import type { CallDependencies } from './call-api.ts';
import { callWithRetries } from './call-with-retries.ts';
import { InvocationOverError, SessionClosedError } from './errors.ts';
import { readJson } from './read-json.ts';
import type { PlumeRequestInit } from './request-init.ts';
import { NO_RETRY, type RetryOptions } from './retry-policy.ts';

/** What the calls of one invocation have in common. */
export interface Invocation {
  /** The M2M client whose token they carry, such as `mocha`. */
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
  /** Tells the firewall's refusal from an answer of the API. @default - a 403 whose body is not JSON */
  readonly isWafBlock?: IsWafBlock | undefined;
  /** For calls that do not have a policy of their own. @default - no retries */
  readonly retry?: RetryOptions | undefined;
}

/** The calls of one invocation. Nothing of it outlives {@link PlumeSession.close}. */
export interface PlumeSession {
  /** As {@link PlumeContext.fetch} says. */
  fetch(input: string | URL, init?: PlumeRequestInit): Promise<Response>;
  /** As {@link PlumeContext.json} says. */
  json<Body = unknown>(input: string | URL, init?: PlumeRequestInit): Promise<Body>;
  /** Drops the tickets left, aborts the calls under way, waits until they have ended and flushes the metrics. */
  close(): Promise<void>;
}

export interface PlumeDependencies extends CallDependencies {
  readonly apiUrl: URL;
  readonly telemetry: BufferedTelemetry;
  /** In [0, 1). @default Math.random */
  readonly random?: () => number;
}

/** The calls of a session from its first one on: their tickets, their end, and which of them are under way. */
export function beginCalls(
  dependencies: Required<PlumeDependencies>,
  { client, calls, patienceMs, endsInMs, isWafBlock = isNotJson403, retry = NO_RETRY }: Invocation,
): PlumeSession {
  const { apiUrl, budget, clock, telemetry } = dependencies;
  const book = budget.openBook({
    patienceMs,
    ...(calls !== undefined && { calls }),
  });
  const ended = new AbortController();
  const underWay = new Set<Promise<unknown>>();
  const endInvocation = (): void => ended.abort(new InvocationOverError(client, clock.now()));
  if (endsInMs <= 0) endInvocation();
  else if (endsInMs < Number.POSITIVE_INFINITY) {
    clock.sleep(endsInMs, ended.signal).then(endInvocation, () => {});
  }

  const scope = { client, patienceMs, isWafBlock, book, retry };

  const signalOf = ({ init }: ApiRequest): AbortSignal =>
    init.signal ? AbortSignal.any([ended.signal, init.signal]) : ended.signal;
  const track = <Result>(call: Promise<Result>): Promise<Result> => {
    underWay.add(call);
    const forget = (): unknown => underWay.delete(call);
    // A caller that does not await must not bring the whole environment down.
    call.then(forget, forget);
    return call;
  };

  async function fetch(input: string | URL, init?: PlumeRequestInit): Promise<Response> {
    const request = apiRequest(client, apiUrl, input, init);
    const { response } = await callWithRetries(dependencies, scope, request, signalOf(request));
    return response;
  }
  async function json(input: string | URL, init?: PlumeRequestInit): Promise<unknown> {
    const request = apiRequest(client, apiUrl, input, init);
    if (!request.headers.has('accept')) request.headers.set('accept', 'application/json');
    const signal = signalOf(request);
    const answer = await callWithRetries(dependencies, scope, request, signal);
    return await readJson(answer, { client, request, signal, nowMs: clock.now() });
  }

  return {
    fetch: (input, init) => track(fetch(input, init)),
    json: <Body>(input: string | URL, init?: PlumeRequestInit) => track(json(input, init)) as Promise<Body>,
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
    },
  };
}
