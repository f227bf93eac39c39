import type { PlumeApi } from '../plume/api.ts';
import { apiOf } from '../plume/broker.ts';
import type { PlumeOptions } from './options.ts';
import { createSessions, type InvocationContext, recordsOf } from './sessions.ts';
import { endingWithStream } from './streamed-answer.ts';

/** Calls Plume's API for one client, without Middy: in a handler of your own, or in a script. */
export interface Plume {
  /**
   * Does the work of one invocation. Its calls end with it, whether it returns or throws: calls that it did not await
   * are aborted, tickets left are dropped, and the metrics are written. So it reads the answers too: the body of a
   * response that it returns is gone. Only if what it returns is a stream, or a plain object with one as its `body`, its
   * calls end with that stream.
   *
   * @returns what `work` returned
   * @throws whatever `work` threw, and {@link PlumeError} `config_invalid` if `calls` is not a number of calls
   */
  run<Result>(work: (plume: PlumeApi) => Result | Promise<Result>, invocation?: RunOptions): Promise<Result>;
}

/** What `run` needs to know of the invocation. */
export interface RunOptions {
  /**
   * Lambda's context, so that no call outlives the invocation's time.
   * @default - none, as in a script: only `maxWaitMs` bounds the waiting
   */
  readonly context?: InvocationContext;
  /**
   * How many calls the work will cause: that many tickets are reserved in one write.
   * @default - the number of `Records` in `event`, or 1
   */
  readonly calls?: number;
  /** Lambda's event, of which only the number of `Records` is read. */
  readonly event?: unknown;
}

/**
 * The same as the middleware, without Middy. Make it once, outside of the handler: the token and what is known of the budget
 * are kept from one invocation to the next.
 *
 * @throws {@link PlumeError} `config_invalid`, if the environment or the options cannot work
 */
export function createPlume(options: PlumeOptions): Plume {
  const open = createSessions(options);
  return {
    async run(work, { context, event, calls = recordsOf(event) } = {}) {
      const session = open(calls, context);
      let streamed: Awaited<ReturnType<typeof work>> | undefined;
      try {
        const result = await work(apiOf(session));
        streamed = endingWithStream(result, session.close);
        return streamed ?? result;
      } finally {
        if (streamed === undefined) await session.close();
      }
    },
  };
}
