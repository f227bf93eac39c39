import { createCallBudget } from '../../lib/budget/call-budget.ts';
import { createMintBudget } from '../../lib/budget/mint-budget.ts';
import { type BudgetSettings, DEFAULT_BUDGET_SETTINGS } from '../../lib/budget/settings.ts';
import type { PlumeApi } from '../../lib/plume/api.ts';
import { apiOf, type Broker, createBroker, type WorkerBroker } from '../../lib/plume/broker.ts';
import type { BufferedTelemetry } from '../../lib/telemetry/telemetry.ts';
import { createTokenReader } from '../../lib/token/read-token.ts';
import { DEFAULT_TOKEN_SETTINGS, type TokenSettings } from '../../lib/token/settings.ts';
import { authorizationOf, type CloudClient, scopeOf } from '../local/plume-cloud/clients.ts';
import { startPlumeCloud } from '../local/plume-cloud/plume-cloud.ts';
import type { CloudEvent } from '../local/run/events.ts';
import { createMemoryMinter } from './memory-minter.ts';
import { createMemoryTicketCounter } from './memory-ticket-counter.ts';
import { createMemoryMintRequests, createMemoryTokenStore } from './memory-token-store.ts';
import { createTestClock, type TestClock } from './test-clock.ts';

/** How a broker for tests differs from one that is deployed. */
export interface TestBrokerOptions {
  /** The M2M client, as in the middleware's option. @default mocha */
  readonly client?: string;
  /** How long its tokens live, in seconds. @default 600 */
  readonly lifetimeSeconds?: number;
  /** What differs from the vendor's limits. */
  readonly budget?: Partial<BudgetSettings>;
  /** What differs from the default life of tokens. */
  readonly token?: Partial<TokenSettings>;
  /**
   * What Plume's API answers to a call that it accepts, whatever its path. The request's body is there to be read.
   * @default - 200 and `{ ok, method, path }`
   */
  readonly respond?: (request: Request) => Response | Promise<Response>;
}

/**
 * A broker in memory and a Plume cloud on loopback: the rules of production, without AWS and without waiting. It is the
 * option `broker` of the middleware and of `createPlume`.
 */
export interface TestBroker extends Broker, AsyncDisposable {
  /** Unix ms; it stands still until the test moves it, but jumps on while all calls wait for their turn. */
  readonly clock: TestClock;
  /** The statuses that calls were answered with, in that order: those of `respond`, 401, and the WAF's 403 among them. */
  readonly statuses: readonly number[];
  /** How many tokens were issued. */
  tokensIssued(): number;
  /** The API takes the client's tokens no longer. */
  revokeTokens(): void;
  /** The API answers 401 to every token, or stops doing so. */
  refuseTokens(isRefusing: boolean): void;
  /** The authorization server answers 503, or is back. */
  setAuthorizationServerAway(isAway: boolean): void;
  /** Another secret than the client's is right: `invalid_client`. */
  setCredentialsRefused(isRefused: boolean): void;
  /** The WAF refuses all calls for so long, in ms. */
  blockAddress(durationMs: number): void;
  /** No ticket becomes valid for so long, in ms: others use the budget up. */
  exhaustBudget(durationMs: number): void;
  /** Ends the Plume cloud, as the end of an `await using` does. Without it the process can end too. */
  stop(): Promise<void>;
}

const SILENT: BufferedTelemetry = { metric: () => {}, log: () => {}, flush: () => {} };

/**
 * Starts a Plume cloud on loopback, and a broker that mints for one client of it.
 *
 * @throws `config_invalid`, a `PlumeError`, if the budget's bound exceeds its limit
 */
export async function createTestBroker(options: TestBrokerOptions = {}): Promise<TestBroker> {
  const { client: name = 'mocha', lifetimeSeconds = 600, respond } = options;
  const budgetSettings = { ...DEFAULT_BUDGET_SETTINGS, ...options.budget };
  const settings = { ...DEFAULT_TOKEN_SETTINGS, ...options.token };
  const activity = { calls: 0, requests: 0 };
  const clock = createTestClock(Date.now(), () => activity.calls > 0 && activity.requests === 0);
  const statuses: number[] = [];
  let issued = 0;

  function record(event: CloudEvent): void {
    if (event.kind === 'token-issued') issued += 1;
  }
  const client: CloudClient = {
    name,
    lifetimeSeconds,
    partner: `${name}-partner`,
    clientId: `${name}-id`,
    clientSecret: `${name}-secret`,
  };
  const cloud = await startPlumeCloud({
    clients: [client],
    waf: { limit: budgetSettings.limit, windowMs: budgetSettings.windowMs, release: 'new-frame' },
    latencyMs: 0,
    isApiPath: () => true,
    record,
    now: clock.now,
  });
  cloud.unref();

  /** While a request is under way, its answer's body included, time stands still. */
  const request: typeof fetch = async (input, init) => {
    activity.requests += 1;
    try {
      const sent = await withReadBody(init);
      const response = await fetch(input, sent);
      const body = await response.arrayBuffer();
      if (String(input).startsWith(cloud.tokenUrl)) return new Response(body, response);
      const answer =
        response.ok && respond !== undefined
          ? await respond(new Request(input, sent))
          : new Response(body, response);
      statuses.push(answer.status);
      return answer;
    } finally {
      activity.requests -= 1;
    }
  };

  const counter = createMemoryTicketCounter();
  // As after a pause: all tickets that may be kept for later are there.
  for (const stream of ['worker', 'minter'] as const)
    counter.moveTo(stream, clock.now() - budgetSettings[stream].burstMs);
  const budget = createCallBudget({
    settings: budgetSettings,
    counter,
    clock,
    telemetry: SILENT,
  });
  const store = createMemoryTokenStore();
  const secret = { authorization: authorizationOf(client), tokenUrl: cloud.tokenUrl, scope: scopeOf(client) };
  const worker = createBroker({
    apiUrl: new URL(cloud.apiUrl),
    tokens: createTokenReader({
      store,
      requests: createMemoryMintRequests(),
      askMinter: createMemoryMinter({
        secret: JSON.stringify(secret),
        store,
        budget: createMintBudget({
          settings: budgetSettings,
          counter,
          clock,
          telemetry: SILENT,
        }),
        settings,
        fetch: request,
        clock,
        telemetry: SILENT,
      }),
      settings,
      clock,
      telemetry: SILENT,
      random: Math.random,
    }),
    budget,
    fetch: request,
    clock,
    telemetry: SILENT,
    timeoutMs: 10_000,
  });

  return {
    open: countingCalls(worker, activity),
    clock,
    statuses,
    tokensIssued: () => issued,
    revokeTokens: () => void cloud.revoke(name),
    refuseTokens: cloud.setRejectAll,
    setAuthorizationServerAway: (isAway) => cloud.setOutage(isAway ? 'unavailable' : undefined),
    setCredentialsRefused: (isRefused) => cloud.setBroken(name, isRefused),
    blockAddress: cloud.block,
    exhaustBudget(durationMs) {
      counter.moveTo('worker', clock.now() + durationMs);
    },
    stop: cloud.stop,
    [Symbol.asyncDispose]: cloud.stop,
  };
}

/** A stream can be read once, and both the cloud and `respond` read it. */
async function withReadBody(init: RequestInit | undefined): Promise<RequestInit | undefined> {
  const body: unknown = init?.body;
  if (typeof body !== 'object' || body === null || !(Symbol.asyncIterator in body)) return init;
  return { ...init, body: await new Response(body as ReadableStream).arrayBuffer() };
}

/** Only while a call is under way may time go on by itself, and does the process wait for it. */
function countingCalls({ open }: WorkerBroker, activity: { calls: number }): WorkerBroker['open'] {
  const counted =
    (call: (...parameters: never[]) => unknown) =>
    (...parameters: never[]) => {
      activity.calls += 1;
      const underWay = setInterval(() => {}, 60_000);
      const done = (): void => {
        activity.calls -= 1;
        clearInterval(underWay);
      };
      const result = call(...parameters);
      Promise.resolve(result).then(done, done);
      return result;
    };
  return (invocation) => {
    const session = open(invocation);
    const verbs = Object.entries(apiOf(session)).map(([verb, call]) => [verb, counted(call)]);
    return { ...(Object.fromEntries(verbs) as PlumeApi), close: session.close };
  };
}
