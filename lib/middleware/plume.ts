import type { MiddlewareObj } from '@middy/core';
import type { Context } from 'aws-lambda';

import type { PlumeSession } from '../plume/session-calls.ts';
import type { PlumeContext, PlumeOptions } from './options.ts';
import { createSessions, recordsOf } from './sessions.ts';

/** What the calls of a handler have in common. `TEvent` is the handler's event. */
export interface PlumeMiddlewareOptions<TEvent = unknown> extends PlumeOptions {
  /**
   * How many calls an event will cause: that many tickets are reserved in one write.
   * @default - the number of `Records` in the event, or 1
   */
  readonly calls?: (event: TEvent) => number;
}

/** Middy middleware that adds `plume` to the handler's context, for any event and any result. */
export type PlumeMiddleware<TEvent> = MiddlewareObj<
  TEvent,
  unknown,
  Error,
  Context & { plume: PlumeContext }
>;

/**
 * Middy middleware: gives the handler `context.plume`. Let it be the last one that is used: Middy skips the ends
 * of middlewares before one that answers early, and then nobody would end calls that the handler did not await.
 *
 * @throws {@link PlumeError} `config_invalid` at construction, if the environment or the options cannot work
 */
export function plume<TEvent = unknown>(options: PlumeMiddlewareOptions<TEvent>): PlumeMiddleware<TEvent> {
  const { calls = recordsOf } = options;
  const open = createSessions(options);
  /** Where Middy keeps it for each invocation: one environment may serve several at once. */
  const key = Symbol('plume');

  // After an error too, also one of a middleware that ran before this one: then there is no session.
  async function plumeClose({ internal }: { internal: Sessions }): Promise<void> {
    await internal[key]?.close();
  }

  return {
    before: function plumeBefore({ event, context, internal }) {
      const session = open(calls(event), context);
      (internal as Sessions)[key] = session;
      context.plume = { fetch: session.fetch, json: session.json };
    },
    after: plumeClose,
    onError: plumeClose,
  };
}

type Sessions = Record<symbol, PlumeSession | undefined>;
