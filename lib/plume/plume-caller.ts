import type { BufferedTelemetry } from '../telemetry/telemetry.ts';
import type { CallDependencies } from './call-api.ts';
import type { PlumeRequestInit } from './request-init.ts';
import type { RetryOptions } from './retry-policy.ts';
import { beginCalls } from './session-calls.ts';
import type { IsWafBlock } from './waf-block.ts';

/** Calls Plume's API with the shared token and within the shared budget. One for the life of an environment. */
export interface PlumeCaller {
  /** Opens the calls of one invocation, of one client. */
  open(invocation: Invocation): PlumeSession;
}

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
