import type { Context } from 'aws-lambda';

import { ConfigError } from '../errors.ts';
import type { PlumeApi } from '../plume/api.ts';
import { apiOf, type Session } from '../plume/broker.ts';
import type { Middleware } from './middy.ts';
import type { PlumeOptions } from './options.ts';
import { createSessions, recordsOf } from './sessions.ts';
import { endingWithStream } from './streamed-answer.ts';

/** What the calls of a handler have in common. `TEvent` is the handler's event. */
export interface PlumeMiddlewareOptions<TEvent = unknown, Name extends string = 'plume'>
  extends PlumeOptions {
  /**
   * How many calls an event will cause: that many tickets are reserved in one write.
   * @default - the number of `Records` in the event, or 1
   */
  readonly calls?: (event: TEvent) => number;
  /**
   * The name under which the handler finds it in its context: a handler that calls for two clients uses two, each under its
   * own name.
   * @default plume
   */
  readonly as?: Name;
}

/** Middy middleware that adds `plume`, or what it is named, to the handler's context, for any event and any result. */
export type PlumeMiddleware<TEvent, Name extends string = 'plume'> = Middleware<
  TEvent,
  Context & { [Key in Name]: PlumeApi }
>;

/**
 * Middy middleware: gives the handler `context.plume`. Use it last: Middy skips the ends of the middlewares before one
 * that answers early, and then calls that the handler did not await would not be ended. Its calls end with the handler; those
 * of an answer that is streamed, with the stream.
 *
 * @throws {@link PlumeError} `config_invalid` at construction, if the environment or the options cannot work, and in the
 *   handler, if its context has something of that name already
 */
export function plume<TEvent = unknown, Name extends string = 'plume'>(
  options: PlumeMiddlewareOptions<TEvent, Name>,
): PlumeMiddleware<TEvent, Name> {
  const open = createSessions(options);
  const { calls = recordsOf, as = 'plume' } = options;
  if (typeof calls !== 'function')
    throw new ConfigError('the option calls must be a function of the event, which returns a number');
  if (typeof as !== 'string' || as === '') throw new ConfigError('the option as must be a name');
  /** Where Middy keeps it for each invocation: one environment may serve several at once. */
  const key = Symbol('plume');

  return {
    before: function plumeBefore({ event, context, internal }) {
      if (as in context)
        throw new ConfigError(
          `the context already has ${as}: give each plume() of one handler its own name, with the option as`,
        );
      const session = open(calls(event), context);
      (internal as Sessions)[key] = session;
      Object.assign(context, { [as]: apiOf(session) });
    },
    after: async function plumeAfter(request) {
      const session = (request.internal as Sessions)[key];
      if (session === undefined) return;
      const streamed = endingWithStream(request.response, session.close);
      if (streamed === undefined) await session.close();
      else request.response = streamed;
    },
    // Also after an error of a middleware that ran before this one: then there is no session.
    onError: async function plumeOnError({ internal }) {
      await (internal as Sessions)[key]?.close();
    },
  };
}

type Sessions = Record<symbol, Session | undefined>;
