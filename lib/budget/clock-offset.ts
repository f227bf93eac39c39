import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Clock, Now } from '../platform/clock.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { BudgetClockUnreliableError } from './errors.ts';
import type { BudgetSettings } from './settings.ts';

/** An HTTP `Date` header is cut to whole seconds (RFC 9110 section 5.6.7). */
const RESOLUTION_MS = 1_000;

/** The clock of DynamoDB as this machine knows it: the local one, plus what the `Date` headers prove. */
export interface ServerClock extends Clock {
  /** The local clock, uncorrected. */
  readonly localNow: Now;
  /** Takes in a response: its `Date`, and when it was asked for and received by the local clock. */
  observe(dateMs: number, sentMs: number, receivedMs: number): void;
}

/**
 * Each response proves that the offset, DynamoDB's clock less the local one, lies between `date - received` and
 * `date + 1 s - sent`. The proofs of many responses intersect in a few milliseconds. While zero is possible the local
 * clock stands; otherwise it is corrected by the middle of what is possible, if that is known as well as
 * `clockAllowanceMs` asks for. If it is not, the local clock still stands as long as it may be within the allowance.
 *
 * `now` throws {@link BudgetClockUnreliableError} while the local clock is out of the allowance and cannot be corrected.
 */
export function createServerClock(dependencies: {
  clock: Clock;
  settings: Pick<BudgetSettings, 'name' | 'clockAllowanceMs'>;
  telemetry: Telemetry;
}): ServerClock {
  const { clock, settings, telemetry } = dependencies;
  const { clockAllowanceMs } = settings;
  let proven = UNKNOWN;
  let reportedMs = 0;

  return {
    localNow: clock.now,
    now() {
      const { offsetMs, uncertaintyMs } = estimate(proven);
      const localMs = clock.now();
      if (uncertaintyMs <= clockAllowanceMs) return localMs + offsetMs;
      if (proven.min <= clockAllowanceMs && proven.max >= -clockAllowanceMs) return localMs;
      throw new BudgetClockUnreliableError(
        `this machine's clock is about ${Math.abs(offsetMs)} ms ${offsetMs < 0 ? 'ahead of' : 'behind'} DynamoDB's, ` +
          `give or take ${uncertaintyMs} ms, and call budget ${settings.name} allows ${clockAllowanceMs} ms; ` +
          'synchronise the clock, or look why responses of DynamoDB take so long',
        localMs + RESOLUTION_MS,
      );
    },
    sleep: clock.sleep,
    observe(dateMs, sentMs, receivedMs) {
      const proof = { min: dateMs - receivedMs, max: dateMs + RESOLUTION_MS - sentMs };
      const both = { min: Math.max(proven.min, proof.min), max: Math.min(proven.max, proof.max) };
      // A contradiction means that one of the clocks was set: the newest proof counts, unless that happened during it.
      proven = [both, proof, UNKNOWN].find(({ min, max }) => min <= max) ?? UNKNOWN;
      const { offsetMs, uncertaintyMs } = estimate(proven);
      if (Math.abs(offsetMs - reportedMs) <= RESOLUTION_MS) return;
      reportedMs = offsetMs;
      telemetry.metric('ClockOffset', offsetMs, { budget: settings.name });
      telemetry.log('warn', "this machine's clock differs from DynamoDB's", { offsetMs, uncertaintyMs });
    },
  };
}

/** Measures every response of the client, retried and refused ones too. */
export function followServerClock(client: DynamoDBClient, clock: ServerClock): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      const sentMs = clock.localNow();
      const result = await next(args);
      const dateMs = Date.parse(dateHeader(result.response) ?? '');
      if (!Number.isNaN(dateMs)) clock.observe(dateMs, sentMs, clock.localNow());
      return result;
    },
    // Next to the wire: inside the retries, and before an error response becomes an exception.
    { step: 'deserialize', priority: 'low' },
  );
}

interface Interval {
  readonly min: number;
  readonly max: number;
}

const UNKNOWN: Interval = { min: Number.NEGATIVE_INFINITY, max: Number.POSITIVE_INFINITY };

function estimate({ min, max }: Interval): { offsetMs: number; uncertaintyMs: number } {
  if (min <= 0 && max >= 0) return { offsetMs: 0, uncertaintyMs: 0 };
  return { offsetMs: Math.round((min + max) / 2), uncertaintyMs: Math.round((max - min) / 2) };
}

function dateHeader(response: unknown): string | undefined {
  const headers = (response as { headers?: Record<string, string> }).headers;
  return headers?.date ?? headers?.Date;
}
