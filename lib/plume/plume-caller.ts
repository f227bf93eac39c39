import type { PlumeRequestInit } from './request-init.ts';
import { beginCalls, type Invocation, type PlumeDependencies, type PlumeSession } from './session-calls.ts';

/** Calls Plume's API with the shared token and within the shared budget. One for the life of an environment. */
export interface PlumeCaller {
  /** Opens the calls of one invocation, of one client. */
  open(invocation: Invocation): PlumeSession;
}

export function createPlumeCaller(dependencies: PlumeDependencies): PlumeCaller {
  const { clock, telemetry } = dependencies;
  const calling = { random: Math.random, ...dependencies };
  return {
    open(invocation) {
      const endsAtMs = clock.now() + invocation.endsInMs;
      let begun: PlumeSession | undefined;
      let isClosed = false;

      // At the first call: an invocation without any would pay for timers and errors that nobody sees.
      const calls = (): PlumeSession => {
        if (begun === undefined) {
          begun = beginCalls(calling, { ...invocation, endsInMs: endsAtMs - clock.now() });
          if (isClosed) void begun.close();
        }
        return begun;
      };

      return {
        fetch: (input, init) => calls().fetch(input, init),
        json: <Body>(input: string | URL, init?: PlumeRequestInit) => calls().json<Body>(input, init),
        async close() {
          isClosed = true;
          await begun?.close();
          telemetry.flush();
        },
      };
    },
  };
}
