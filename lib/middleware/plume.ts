import type { MiddlewareObj } from '@middy/core';
import type { Context } from 'aws-lambda';

import { checkClientName } from '../credentials/client-name.ts';
import { ConfigError } from '../errors.ts';
import type { Plume, PlumeSession } from '../plume/plume.ts';
import type { IsWafBlock } from '../plume/waf-block.ts';
import { plumeFromEnvironment } from './from-environment.ts';

export interface PlumeOptions<TEvent = unknown> {
  /** The M2M client whose token the calls carry, such as `mocha`. */
  readonly client: string;
  /**
   * How many calls an event will cause: that many tickets are reserved in one write.
   * @default the number of `Records` in the event, or 1
   */
  readonly calls?: (event: TEvent) => number;
  /**
   * The longest time, in milliseconds, that one call waits for a token or a ticket; never longer than the
   * invocation's remaining time less `marginMs`.
   * @default 30000
   */
  readonly maxWaitMs?: number;
  /**
   * The part of the invocation's time, in milliseconds, in which nobody waits any more: for calls that have just
   * begun, and for the handler's own work. In its last half second calls are given up too, with a typed error, so that
   * the handler can still tell what became of them.
   * @default 2000
   */
  readonly marginMs?: number;
  /**
   * Tells the firewall's refusal, which stops every function, from an answer of the API.
   * @default - a 403 whose body is not JSON
   */
  readonly isWafBlock?: IsWafBlock;
  /**
   * One of your own, for tests.
   * @default - built from the environment variables that the construct sets
   */
  readonly plume?: Plume;
}

/** What the handler finds as `context.plume`. */
export interface PlumeContext {
  /**
   * `fetch` of Plume's API: adds the client's access token, keeps the call budget of the egress address, and retries
   * once with a new token if the API rejects the first. Paths are resolved against the API's base URL. Redirects are
   * not followed. Other answers, a second 401 among them, are returned as they are.
   *
   * @throws {PlumeError} with a stable `code`; with `retryAtMs` where waiting helps. README lists them all.
   */
  readonly fetch: (input: string | URL, init?: RequestInit) => Promise<Response>;
}

/** Kept free for the end of the handler, which takes longer than nothing. */
const CLOSING_MS = 500;

export type PlumeMiddleware<TEvent> = MiddlewareObj<
  TEvent,
  unknown,
  Error,
  Context & { plume: PlumeContext }
>;

/**
 * Middy middleware: gives the handler `context.plume.fetch`. Let it be the last one that is used: Middy skips the ends
 * of middlewares before one that answers early, and then nobody would end calls that the handler did not await.
 *
 * @throws {ConfigError} at construction, if the environment or the options cannot work
 */
export function plume<TEvent = unknown>(options: PlumeOptions<TEvent>): PlumeMiddleware<TEvent> {
  const { calls = recordsOf, maxWaitMs = 30_000, marginMs = 2_000, isWafBlock } = options;
  for (const [name, ms] of Object.entries({ maxWaitMs, marginMs })) {
    if (!(ms >= 0)) throw new ConfigError(`the option ${name} must be a number of milliseconds, 0 or more`);
  }
  const client = checkClientName(options.client);
  const shared = options.plume ?? plumeFromEnvironment();
  /** By context: one environment may serve several invocations at once. */
  const sessions = new WeakMap<Context, PlumeSession>();

  // After an error too, also one of a middleware that ran before this one: then there is no session.
  async function plumeClose({ context }: { context: Context }): Promise<void> {
    await sessions.get(context)?.close();
  }

  return {
    before: function plumeBefore({ event, context }) {
      const session = shared.open({
        client,
        calls: checkCalls(calls(event)),
        isWafBlock,
        patienceMs: () => Math.min(maxWaitMs, context.getRemainingTimeInMillis() - marginMs),
        endsInMs: context.getRemainingTimeInMillis() - Math.min(CLOSING_MS, marginMs),
      });
      sessions.set(context, session);
      context.plume = { fetch: session.fetch };
    },
    after: plumeClose,
    onError: plumeClose,
  };
}

/** @throws {ConfigError} it is no number of calls */
function checkCalls(count: number): number {
  if (Number.isSafeInteger(count) && count >= 0) return Math.max(1, count);
  throw new ConfigError('the option calls must return a whole number of calls');
}

function recordsOf(event: unknown): number {
  const records =
    typeof event === 'object' && event !== null && 'Records' in event ? event.Records : undefined;
  return Array.isArray(records) ? Math.max(1, records.length) : 1;
}
