import type { VirtualTime } from '../fixtures/virtual-time/time.ts';
import type { Instance } from './instance.ts';
import type { Random } from './random.ts';

/** DynamoDB as an instance meets it: latency, lost responses that are sent again, and an outage. */
export interface Engine {
  /** Applies `operation` after the request's way, and answers after the response's. */
  call<Reply>(instance: Instance, operation: () => Reply | Promise<Reply>): Promise<Reply>;
  /** Every request, refused and repeated ones too: each is billed. */
  readonly requests: number;
}

export interface EngineFaults {
  /** How often a response is lost and the request sent again. */
  readonly lostResponses: number;
  readonly outage?: { readonly fromMs: number; readonly toMs: number };
}

const TIMEOUT_MS = 1_000;
/** A broken connection is noticed at once; the SDK waits a little before it sends again. */
const RESEND_MS = 100;

export function createEngine(time: VirtualTime, random: Random, faults: EngineFaults): Engine {
  let requests = 0;
  const isAway = (): boolean =>
    faults.outage !== undefined && time.now() >= faults.outage.fromMs && time.now() < faults.outage.toMs;

  return {
    get requests() {
      return requests;
    },
    async call(instance, operation) {
      for (;;) {
        await instance.delay(random.lognormal(2.5, 0.8));
        if (isAway()) {
          await instance.delay(TIMEOUT_MS);
          throw new Error('the engine is away');
        }
        requests += 1;
        const reply = await operation();
        if (!random.chance(faults.lostResponses)) {
          await instance.delay(random.lognormal(2.5, 0.8));
          return reply;
        }
        await instance.delay(RESEND_MS);
      }
    },
  };
}
