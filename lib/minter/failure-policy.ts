import type { ErrorCode } from '../errors.ts';
import type { TokenSettings } from '../token/settings.ts';

/**
 * The failure policy: when a failed mint is tried again. It is data, and README has the same table. Nothing is given up.
 *
 * A client's failures are counted by counter since its last token or the last change of its secret, so that what is
 * tried often (an outage) and what must not be (refused credentials) do not lengthen or shorten each other's pauses.
 */
export type FailureCounter = 'refusals' | 'outages' | 'throttles' | 'oddities' | 'blocks' | 'secrets';

export interface RetryRule {
  readonly counter: FailureCounter;
  /** Pauses before the first tries, in ms; `tick`: until the next tick. */
  readonly first?: readonly (number | 'tick')[];
  /** The ceiling of the pause after that, in ms: it doubles with every failure. @default settings.backoffBaseMs */
  readonly ceilingMs?: number;
  /** What the ceiling does not exceed, in ms. @default settings.backoffMaxMs */
  readonly maxMs?: number;
  /** The pause lies anywhere below the ceiling, or in its upper half: to keep away. */
  readonly from: 'zero' | 'half';
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/**
 * One refusal is a suspicion: servers take seconds or minutes to accept new credentials, and refuse good ones now and then.
 * So the first tries come 5 and 15 s after it and at the next four ticks: at most six requests in two minutes. A server
 * that locks clients out counts more than that.
 */
const SUSPICION: RetryRule['first'] = [5 * SECOND, 10 * SECOND, 'tick', 'tick', 'tick', 'tick'];

/** Away, at no fault, and perhaps back at any moment: less than a tick, so that no tick passes by a server that is back. */
const OUTAGE: RetryRule = { counter: 'outages', from: 'zero' };
const THROTTLED: RetryRule = { counter: 'throttles', maxMs: 5 * MINUTE, from: 'half' };
/** The vendor does not document it; time may cure it, or not. */
const ODD: RetryRule = { counter: 'oddities', maxMs: 5 * MINUTE, from: 'half' };
/**
 * While the WAF lets others pass, or no other request was made: a block of the address ends after five minutes and more, so the
 * next six ticks try. After that the client's `tokenUrl` is wrong, most likely. Or the block is a long one: a few clients alone do
 * not open the breaker that would tell, so the pauses stay short enough for calls to resume soon after it.
 */
const BLOCKED: RetryRule = {
  counter: 'blocks',
  first: ['tick', 'tick', 'tick', 'tick', 'tick', 'tick'],
  ceilingMs: MINUTE,
  maxMs: 5 * MINUTE,
  from: 'half',
};
/** Slowly: with wrong credentials every request counts towards a lock-out. */
const CREDENTIALS: RetryRule = {
  counter: 'refusals',
  first: SUSPICION,
  ceilingMs: HOUR,
  maxMs: 6 * HOUR,
  from: 'half',
};
/** The vendor may grant it later, without a change of the secret. */
const REQUEST: RetryRule = { ...CREDENTIALS, ceilingMs: 15 * MINUTE };
/** A changed secret is found by the list of secrets; this finds what the list has missed. */
const SECRET: RetryRule = { counter: 'secrets', ceilingMs: 15 * MINUTE, maxMs: 6 * HOUR, from: 'half' };
const MISSING: RetryRule = { counter: 'secrets', ceilingMs: MINUTE, maxMs: MINUTE, from: 'half' };

/** The rule of every code that a mint can fail with. */
export const RETRY_RULES: Readonly<Partial<Record<ErrorCode, RetryRule>>> = {
  oauth_unavailable: OUTAGE,
  secret_unavailable: OUTAGE,
  token_store_unavailable: OUTAGE,
  oauth_throttled: THROTTLED,
  oauth_error_unknown: ODD,
  oauth_response_invalid: ODD,
  token_expired_on_arrival: ODD,
  waf_blocked: BLOCKED,
  invalid_client: CREDENTIALS,
  invalid_grant: REQUEST,
  invalid_request: REQUEST,
  invalid_scope: REQUEST,
  unsupported_grant_type: REQUEST,
  secret_malformed: SECRET,
  secret_missing: MISSING,
};

/** No request was sent, and the client is not at fault: this is not a failure, and is tried again when the call budget allows. */
const POSTPONING: ReadonlySet<ErrorCode> = new Set([
  'budget_exhausted',
  'budget_blocked',
  'budget_unavailable',
  'budget_clock_unreliable',
]);

export function isPostponed(code: ErrorCode): boolean {
  return POSTPONING.has(code);
}

/** The authorization server has refused the credentials or what they ask for: other credentials may be accepted. */
export function isRefusal(code: ErrorCode): boolean {
  return ruleOf(code).counter === 'refusals';
}

export function counterOf(code: ErrorCode): FailureCounter {
  return ruleOf(code).counter;
}

/** @param times how often the client has failed in this way now */
export function counted(
  counts: Readonly<Partial<Record<FailureCounter, number>>>,
  code: ErrorCode,
  times = 1,
): Readonly<Partial<Record<FailureCounter, number>>> {
  const counter = counterOf(code);
  return { ...counts, [counter]: (counts[counter] ?? 0) + times };
}

function ruleOf(code: ErrorCode): RetryRule {
  return RETRY_RULES[code] ?? ODD;
}

/** What the secret's version in use is known for: it tells an operator where to look, and decides who is suspicious. */
export type History = 'worked before' | 'just changed' | 'never worked';

export interface LastFailure {
  readonly code: ErrorCode;
  /** How many failures its counter has counted, this one included. */
  readonly count: number;
  /** Credentials that never worked and have not just changed have no first tries. */
  readonly history: History;
  readonly nowMs: number;
  /** How long the server asks to wait. */
  readonly retryAfterMs?: number | undefined;
}

/** Caps a server's Retry-After, so that a wrong value cannot stop minting for days. */
const RETRY_AFTER_MAX_MS = HOUR;

/**
 * When to try again.
 *
 * @param random in [0, 1)
 * @returns Unix ms; `isSoon`: within this tick, if it lasts so long
 */
export function nextTry(
  { code, count, history, nowMs, retryAfterMs = 0 }: LastFailure,
  { backoffBaseMs, backoffMaxMs, tickMs }: Pick<TokenSettings, 'backoffBaseMs' | 'backoffMaxMs' | 'tickMs'>,
  random: number,
): { readonly atMs: number; readonly isSoon: boolean } {
  const { first = [], ceilingMs = backoffBaseMs, maxMs = backoffMaxMs, from } = ruleOf(code);
  const tries = history === 'never worked' ? [] : first;
  const next = tries[count - 1];
  const wishedMs = Math.min(retryAfterMs, RETRY_AFTER_MAX_MS);
  if (next !== undefined) {
    // Half a tick: the next tick comes for certain after it. Where ticks come more often, all that lies within one shrinks.
    const pauseMs = next === 'tick' ? tickMs / 2 : next * Math.min(1, tickMs / MINUTE);
    return {
      atMs: Math.ceil(nowMs + Math.max(wishedMs, pauseMs)),
      isSoon: next !== 'tick' && wishedMs <= pauseMs,
    };
  }
  // As if the first tries had been made: while the credentials had just changed they were. Credentials that are refused for
  // the first time later on keep the first pause that often instead.
  const doublings = Math.min(Math.max(count - first.length, 1) - 1, 52);
  const reachedMs = Math.min(maxMs, ceilingMs * 2 ** doublings);
  const part = from === 'half' ? 0.5 + random / 2 : random;
  return { atMs: Math.ceil(nowMs + Math.max(wishedMs, reachedMs * part)), isSoon: false };
}
