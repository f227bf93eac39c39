import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

import type { Clock, Now } from './clock.ts';

/** An HTTP `Date` header is cut to whole seconds (RFC 9110 section 5.6.7). */
const RESOLUTION_MS = 1_000;

/**
 * The clock of DynamoDB as this machine knows it: the local one, plus what the `Date` headers prove. Moments that other
 * machines read or wrote (of tokens, tickets, leases and failures) are compared with `now`; deadlines of this
 * invocation, and moments that its caller gets, with `localNow`.
 */
export interface ServerClock extends Clock {
  /** The local clock, uncorrected. */
  readonly localNow: Now;
  /** What is proven of the offset: DynamoDB's clock less the local one, in milliseconds. */
  proven(): Interval;
  /**
   * False if the local clock and the monotonic one have gone apart by more than `toleranceMs` since the last response: one was
   * set, or the machine was frozen. Then what `now` says is not to be relied on before another response.
   */
  isSteady(toleranceMs: number): boolean;
  /** Takes in a response: its `Date`, and when it was asked for and received by the local clock. */
  observe(dateMs: number, sentMs: number, receivedMs: number): void;
}

export interface Interval {
  readonly min: number;
  readonly max: number;
}

/** The best estimate of the offset, and by how much it may be wrong, in milliseconds. */
export interface ClockOffset {
  readonly offsetMs: number;
  readonly uncertaintyMs: number;
}

/**
 * Each response proves that the offset lies between `date - received` and `date + 1 s - sent`. The proofs of many
 * responses intersect in a few milliseconds. While zero is possible the local clock stands; otherwise it is corrected by
 * the middle of what is possible.
 *
 * @param onOffset called when the estimate has changed by more than a second
 */
export function createServerClock({
  clock,
  onOffset,
}: {
  readonly clock: Clock;
  readonly onOffset?: (offset: ClockOffset) => void;
}): ServerClock {
  const { now, monotonicNow = now } = clock;
  const drift = (): number => now() - monotonicNow();
  let proven = UNKNOWN;
  let driftSeenMs = drift();
  let reportedMs = 0;

  return {
    localNow: clock.now,
    now: () => clock.now() + offsetOf(proven).offsetMs,
    sleep: clock.sleep,
    proven: () => proven,
    monotonicNow,
    isSteady: (toleranceMs) => Math.abs(drift() - driftSeenMs) <= toleranceMs,
    observe(dateMs, sentMs, receivedMs) {
      driftSeenMs = drift();
      const proof = { min: dateMs - receivedMs, max: dateMs + RESOLUTION_MS - sentMs };
      const both = { min: Math.max(proven.min, proof.min), max: Math.min(proven.max, proof.max) };
      // A contradiction means that one of the clocks was set: the newest proof counts, unless that happened during it.
      proven = [both, proof, UNKNOWN].find(({ min, max }) => min <= max) ?? UNKNOWN;
      const offset = offsetOf(proven);
      if (Math.abs(offset.offsetMs - reportedMs) <= RESOLUTION_MS) return;
      reportedMs = offset.offsetMs;
      onOffset?.(offset);
    },
  };
}

/** Measures every response of the client, retried and refused ones too. */
export function followServerClock(dynamodb: DynamoDBClient, clock: ServerClock): void {
  dynamodb.middlewareStack.add(
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

export function offsetOf({ min, max }: Interval): ClockOffset {
  if (min <= 0 && max >= 0) return { offsetMs: 0, uncertaintyMs: 0 };
  return { offsetMs: Math.round((min + max) / 2), uncertaintyMs: Math.round((max - min) / 2) };
}

const UNKNOWN: Interval = { min: Number.NEGATIVE_INFINITY, max: Number.POSITIVE_INFINITY };

function dateHeader(response: unknown): string | undefined {
  const headers = (response as { headers?: Record<string, string> }).headers;
  return headers?.date ?? headers?.Date;
}
