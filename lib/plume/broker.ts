import type { Priority } from '../contract.ts';
import { REDACTED } from '../telemetry/redaction.ts';
import type { BufferedTelemetry } from '../telemetry/telemetry.ts';
import type { IsWafBlock } from '../waf/is-waf-block.ts';
import type { PlumeApi } from './api.ts';
import { apiRequest } from './api-request.ts';
import type { CallDependencies, CallScope } from './call-api.ts';
import { callWithRetries } from './call-with-retries.ts';
import { InvocationOverError, SessionClosedError } from './errors.ts';
import { type AnsweredCall, readJson } from './read-json.ts';
import type { PlumeRequestInit } from './request-init.ts';
import { type CallInput, isRequest, takeApart } from './request-object.ts';
import { NO_RETRY, type RetryOptions } from './retry-policy.ts';

/**
 * The broker as a worker has it: the shared token and the shared budget. It is made from the environment, or by
 * `createTestBroker` for a test; nothing of it is for users to call.
 */
export interface Broker {
  /** Opens the calls of one invocation. Internal: other versions of this library may change what it takes. */
  readonly open: (invocation: never) => object;
}

/** A {@link Broker} as this library knows it. One for the life of an environment. */
export interface WorkerBroker extends Broker {
  readonly open: (invocation: Invocation) => Session;
}

/** What the calls of one invocation have in common. */
export interface Invocation {
  /** The M2M client whose token they carry, such as `mocha`. */
  readonly client: string;
  /** How many calls of its priority are expected: tickets are reserved in blocks of that many. */
  readonly calls?: number | undefined;
  /** How long, in ms, a call may wait for a token or a ticket if it begins to wait now. */
  readonly patienceMs: () => number;
  /**
   * After how long, in ms, calls are given up, wherever they stand: the invocation is about to end. Infinity where nothing
   * ends it.
   */
  readonly endsInMs: number;
  /** Tells the WAF's refusal from an answer of the API. @default - by the budget's settings: a 403 whose body is not JSON */
  readonly isWafBlock?: IsWafBlock | undefined;
  /** For calls that do not have a policy of their own. @default - no retries */
  readonly retry?: RetryOptions | undefined;
  /** Of calls that have none of their own. @default normal */
  readonly priority?: Priority | undefined;
}

/** The calls of one invocation. None outlives `close`. */
export interface Session extends PlumeApi {
  /** Drops the tickets left, aborts the calls under way, waits until they have ended and flushes the metrics. */
  readonly close: () => Promise<void>;
}

export interface BrokerDependencies extends CallDependencies {
  readonly apiUrl: URL;
  readonly telemetry: BufferedTelemetry;
  /** In [0, 1). @default Math.random */
  readonly random?: () => number;
}

export function createBroker(dependencies: BrokerDependencies): WorkerBroker {
  const complete = { random: Math.random, ...dependencies };
  return { open: (invocation) => openSession(complete, invocation) };
}

/** What a session hands out: everything but its end. */
export function apiOf({ close: _, ...api }: Session): PlumeApi {
  return api;
}

function openSession(dependencies: Required<BrokerDependencies>, invocation: Invocation): Session {
  const { apiUrl, clock, telemetry } = dependencies;
  const { client } = invocation;
  const endsAtMs = clock.now() + invocation.endsInMs;
  const underWay = new Set<Promise<unknown>>();
  const sent = new Map<string, string>();
  let begun: Begun | undefined;
  let isClosed = false;

  /** At the first call: an invocation without calls does not pay for timers and errors. */
  function begin(): Begun {
    if (begun === undefined) {
      begun = beginCalls(dependencies, { ...invocation, endsInMs: endsAtMs - clock.now() }, sent);
      if (isClosed) begun.end();
    }
    return begun;
  }

  async function call<Result>(
    input: CallInput,
    init: PlumeRequestInit | undefined,
    finish: (answered: AnsweredCall) => Result | Promise<Result>,
    accept?: string,
  ): Promise<Result> {
    const { scopeOf, ended } = begin();
    const request = isRequest(input)
      ? apiRequest(client, apiUrl, ...(await takeApart(client, input, init, ended)))
      : apiRequest(client, apiUrl, input, init);
    if (accept !== undefined) request.headers.accept ??= accept;
    const signal = request.signal === undefined ? ended : AbortSignal.any([ended, request.signal]);
    const answer = await callWithRetries(dependencies, scopeOf(request.priority), request, signal);
    return finish({ client, request, signal, answer });
  }

  function track<Result>(call: Promise<Result>): Promise<Result> {
    underWay.add(call);
    const forget = (): unknown => underWay.delete(call);
    // A caller that does not await must not bring the whole environment down.
    call.then(forget, forget);
    return call;
  }

  return {
    fetch: (input, init) => track(call(input, init, ({ answer }) => answer.response)),
    json: <Body>(input: CallInput, init?: PlumeRequestInit) =>
      track(call(input, init, (answered) => readJson(answered, clock), 'application/json')) as Promise<Body>,
    budget: () => track(dependencies.budget.forecast()),
    redact: (text) => [...sent.keys()].reduce(withoutToken, text),
    async close() {
      isClosed = true;
      if (underWay.size > 0)
        telemetry.log('warn', 'the handler did not await all of its calls, so they were aborted', {
          client,
          calls: underWay.size,
        });
      begun?.end();
      await Promise.allSettled(underWay);
      telemetry.flush();
    },
  };
}

type Scope = CallScope & { readonly retry: RetryOptions };

/** The calls of a session from its first one on. */
interface Begun {
  /** What calls of that priority share, or of the invocation's: their tickets above all. */
  readonly scopeOf: (priority: Priority | undefined) => Scope;
  /** Aborts when the invocation has no time left, or its session is closed. */
  readonly ended: AbortSignal;
  readonly end: () => void;
}

function beginCalls(
  { budget, clock }: CallDependencies,
  invocation: Invocation,
  sent: CallScope['sent'],
): Begun {
  const { client, calls = 1, patienceMs, endsInMs } = invocation;
  const { isWafBlock = budget.isWafBlock, retry = NO_RETRY } = invocation;
  const { priority: usual = 'normal' } = invocation;
  const scopes = new Map<Priority, Scope>();
  const scopeOf = (priority: Priority = usual): Scope => {
    let scope = scopes.get(priority);
    if (scope === undefined) {
      const book = budget.openBook({ patienceMs, priority, calls: priority === usual ? calls : 1 });
      scope = { client, patienceMs, isWafBlock, retry, sent, book };
      scopes.set(priority, scope);
    }
    return scope;
  };
  const ending = new AbortController();
  const endInvocation = (): void => ending.abort(new InvocationOverError(client, clock.now()));
  if (endsInMs <= 0) endInvocation();
  else if (endsInMs < Number.POSITIVE_INFINITY)
    clock.sleep(endsInMs, ending.signal).then(endInvocation, () => {});
  return {
    scopeOf,
    ended: ending.signal,
    end() {
      ending.abort(new SessionClosedError(client));
      for (const { book } of scopes.values()) book.close();
    },
  };
}

/** As it was sent, and as it stands in a URL. */
function withoutToken(text: string, token: string): string {
  return text.replaceAll(token, REDACTED).replaceAll(encodeURIComponent(token), REDACTED);
}
