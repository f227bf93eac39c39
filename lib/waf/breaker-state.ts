/**
 * The circuit breaker of one stream: what all functions that share it know about the WAF. Pure, in milliseconds since the
 * epoch by DynamoDB's clock.
 *
 * A rate block answers 403 to every call of the address, a content rule to the same call always, a wrong `tokenUrl` to one
 * client. One 403 does not say which; several in a row without any other answer do.
 */
export interface BreakerState {
  /** Refusals in a row, of calls that were sent one after another. Absent: the last answer was none. */
  readonly refusals?: number | undefined;
  /** The first of them. */
  readonly suspectSinceMs?: number | undefined;
  /** The last of them. */
  readonly refusedAtMs?: number | undefined;
  /** No call before this moment but the probe. Absent: the breaker is closed. */
  readonly blockedUntilMs?: number | undefined;
  /** How many times in a row the breaker was opened: its pauses grow with it. */
  readonly openings?: number | undefined;
  /** When a call last succeeded after a refusal. */
  readonly clearedAtMs?: number | undefined;
}

/** An answer, as far as the breaker is concerned. */
export interface Heard {
  /** When its call was sent. */
  readonly sentAtMs: number;
  readonly nowMs: number;
  /** For a probe: the `openings` that it was to end. */
  readonly probe?: number | undefined;
}

/** Refusals in a row, and the time between the first and the last, that open the breaker. */
const OPENS_AFTER = { refusals: 4, ms: 2_000 };
const FIRST_REST_MS = 1_000;
export const LONGEST_REST_MS = 45_000;
/** If no caller has probed for so long, what the WAF would say is not known. */
const RARELY_PROBED_MS = 120_000;
/** A probe without an answer holds the others back for so long, counted from the moment from which its ticket is valid. */
export const PROBE_MS = 3_000;

/** How long calls pause: 1 s when the breaker opens, then 2, 4, 8, 16, 32 and 45 s after each refused probe. */
export function restMs(openings: number): number {
  return Math.min(FIRST_REST_MS * 2 ** (openings - 1), LONGEST_REST_MS);
}

/**
 * @param longestMs how far ahead an honest `blockedUntilMs` may lie. A later one is not believed, whatever wrote it: it counts
 *   as half-open, and the probe replaces it
 */
export function phaseOf(
  { blockedUntilMs }: BreakerState,
  nowMs: number,
  longestMs: number,
): 'closed' | 'open' | 'half-open' {
  if (blockedUntilMs === undefined) return 'closed';
  return nowMs < blockedUntilMs && blockedUntilMs <= nowMs + longestMs ? 'open' : 'half-open';
}

/**
 * Whether the WAF blocks calls, for a caller that looks now and then: also between two pauses, while callers probe. The
 * rarest, the minter, comes once in a tick.
 */
export function isResting({ blockedUntilMs = 0 }: BreakerState, nowMs: number): boolean {
  return blockedUntilMs <= nowMs + LONGEST_REST_MS && nowMs - blockedUntilMs <= RARELY_PROBED_MS;
}

/** The number that a probe carries; 0 for an opening without a count. */
export function openingOf({ openings = 0 }: BreakerState): number {
  return openings;
}

/** @returns the state after a refusal, or undefined if the refusal changes nothing */
export function afterRefusal(
  state: BreakerState,
  { sentAtMs, nowMs, probe }: Heard,
): BreakerState | undefined {
  const { refusals = 0, suspectSinceMs = nowMs, refusedAtMs = Number.NEGATIVE_INFINITY, clearedAtMs } = state;
  if (state.blockedUntilMs !== undefined) {
    // Open or half-open: only the probe's refusal says something new.
    if (probe !== openingOf(state)) return undefined;
    return opened(openingOf(state) + 1, { suspectSinceMs, nowMs, clearedAtMs });
  }
  // Ten calls that are refused together are one refusal.
  if (sentAtMs <= refusedAtMs) return undefined;
  const inARow = refusals + 1;
  if (inARow >= OPENS_AFTER.refusals && nowMs - suspectSinceMs >= OPENS_AFTER.ms) {
    return opened(1, { suspectSinceMs, nowMs, clearedAtMs });
  }
  return { refusals: inARow, suspectSinceMs, refusedAtMs: nowMs, clearedAtMs };
}

/** @returns the state after an answer other than a refusal, or undefined if there is nothing to clear */
export function afterAnswer(
  state: BreakerState,
  { sentAtMs, nowMs, probe }: Heard,
): BreakerState | undefined {
  const { refusedAtMs = Number.POSITIVE_INFINITY, blockedUntilMs } = state;
  const isOfThisOpening = blockedUntilMs !== undefined && probe === openingOf(state);
  return isOfThisOpening || sentAtMs > refusedAtMs ? { clearedAtMs: nowMs } : undefined;
}

function opened(
  openings: number,
  {
    suspectSinceMs,
    nowMs,
    clearedAtMs,
  }: { suspectSinceMs: number; nowMs: number; clearedAtMs: number | undefined },
): BreakerState {
  return {
    suspectSinceMs,
    refusedAtMs: nowMs,
    blockedUntilMs: nowMs + restMs(openings),
    openings,
    clearedAtMs,
  };
}

/** Moments of the future are not believed: their writer's clock was wrong, or worse. */
export function believed(state: BreakerState, nowMs: number, allowanceMs: number): BreakerState {
  const past = (ms: number | undefined): number | undefined =>
    ms !== undefined && ms <= nowMs + allowanceMs ? ms : undefined;
  return {
    ...state,
    suspectSinceMs: past(state.suspectSinceMs),
    refusedAtMs: past(state.refusedAtMs),
    clearedAtMs: past(state.clearedAtMs),
  };
}
