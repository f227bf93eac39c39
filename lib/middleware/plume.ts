import type { Context } from 'aws-lambda';

import type { PlumeApi } from '../plume/api.ts';
import { apiOf, type Session } from '../plume/broker.ts';
import type { Middleware } from './middy.ts';
import type { PlumeOptions } from './options.ts';
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
export type PlumeMiddleware<TEvent> = Middleware<TEvent, Context & { plume: PlumeApi }>;

/**
 * Middy middleware: gives the handler `context.plume`. Use it last: Middy skips the ends of the middlewares before one
 * that answers early, and then calls that the handler did not await would not be ended.
 *
 * @throws {@link PlumeError} `config_invalid` at construction, if the environment or the options cannot work
 */
export function plume<TEvent = unknown>(options: PlumeMiddlewareOptions<TEvent>): PlumeMiddleware<TEvent> {
  const { calls = recordsOf } = options;
  const open = createSessions(options);
  /** Where Middy keeps it for each invocation: one environment may serve several at once. */
  const key = Symbol('plume');

  // After an error too, also one of a middleware that ran before this one: then there is no session.
  async function plumeClose({ internal }: { internal: object }): Promise<void> {
    await (internal as Sessions)[key]?.close();
  }

  return {
    before: function plumeBefore({ event, context, internal }) {
      const session = open(calls(event), context);
      (internal as Sessions)[key] = session;
      context.plume = apiOf(session);
    },
    after: plumeClose,
    onError: plumeClose,
  };
}

type Sessions = Record<symbol, Session | undefined>;
