import type { BudgetStream } from '../contract.ts';
import type { Now } from '../platform/clock.ts';
import { errorReason } from '../platform/error-reason.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import {
  afterAnswer,
  afterRefusal,
  type BreakerState,
  believed,
  type Heard,
  phaseOf,
} from './breaker-state.ts';
import type { BreakerStore } from './breaker-store.ts';

/** What is known of a call that the WAF refused. Moments in Unix ms by DynamoDB's clock. */
export interface WafRefusal {
  /**
   * `address`: several calls in a row were refused, and the stream makes no calls. `call`: this one alone so far; whether
   * the WAF refuses it for its content or the whole address, the next calls will tell.
   */
  readonly refused: 'call' | 'address';
  /** When the call was refused. */
  readonly refusedAtMs: number;
  /** Since when calls have been refused without one that succeeded. */
  readonly refusedSinceMs: number;
  /** When a call last succeeded after a refusal, as far as this instance knows. */
  readonly clearedAtMs?: number;
  /** When the next call may be made. */
  readonly retryAtMs: number;
}

/** One instance's view of the circuit breaker that a stream's functions share. */
export interface CircuitBreaker {
  /** The state as it was last seen, without implausible values. */
  readonly state: BreakerState;
  /**
   * Call it before a request to the counter, and what it returns with the state that the reply shows: a reply that was
   * under way while this instance changed the state itself is older than that.
   */
  observe(): (state: BreakerState) => void;
  /** Nothing that was known holds any more, such as after an operator has lifted a block. */
  forget(): void;
  /** Until when nothing is sent: since this instance's own call was refused a moment ago, or since the breaker is open. */
  restsUntilMs(nowMs: number): { readonly untilMs: number; readonly isOpen: boolean } | undefined;
  /** When to retry after a pause: each caller at its own moment. */
  returnAtMs(untilMs: number): number;
  /**
   * Call it with every call that the WAF refused.
   *
   * @param isEvidence whether the refusal says anything about the address
   */
  refused(call: Omit<Heard, 'nowMs'>, isEvidence: boolean): Promise<WafRefusal>;
  /**
   * Call it with every other answer. A call without an answer says nothing.
   *
   * @returns undefined where there is nothing to clear: then nobody waits
   */
  answered(call: Omit<Heard, 'nowMs'>): Promise<void> | undefined;
}

export interface CircuitBreakerDependencies {
  readonly store: BreakerStore;
  readonly stream: BudgetStream;
  /** The budget's name. */
  readonly budget: string;
  /** How far ahead an honest block may reach. */
  readonly longestMs: number;
  readonly clockAllowanceMs: number;
  /** When a call comes back, at the earliest, that was refused while others may pass. */
  readonly callRestMs: number;
  /** The corrected clock. */
  readonly now: Now;
  readonly telemetry: Telemetry;
  /** Whether other instances learn what this one's calls are answered. */
  readonly tellsOthers: boolean;
  /** In [0, 1). */
  readonly random: () => number;
}

/** How long the instance whose call was refused pauses its own calls. */
const OWN_REST_MS = 1_000;
/** After a pause, instances retry within this time, each at its own moment. */
const RETURN_SPREAD_MS = 1_000;
/** Each loss of a write means that another instance has written in between. */
const MAX_WRITES = 4;

export function createCircuitBreaker(dependencies: CircuitBreakerDependencies): CircuitBreaker {
  const { store, stream, budget, longestMs, clockAllowanceMs, callRestMs, telemetry, tellsOthers, random } =
    dependencies;
  let state: BreakerState = {};
  let ownRestUntilMs = Number.NEGATIVE_INFINITY;
  let changes = 0;
  /** One write for all answers that clear the same refusal. */
  let clearing: Promise<void> | undefined;

  /** The corrected clock, or the moment at which the call was sent while the clock cannot be corrected. */
  const nowOr = (sentAtMs: number): number => {
    try {
      return dependencies.now();
    } catch {
      return sentAtMs;
    }
  };

  const change = async (
    nowMs: number,
    next: (seen: BreakerState) => BreakerState | undefined,
  ): Promise<void> => {
    if (!tellsOthers) return;
    try {
      for (let writes = 0; writes < MAX_WRITES; writes += 1) {
        const before = state;
        const after = next(believed(before, nowMs, 2 * clockAllowanceMs));
        if (after === undefined) return;
        const reply = await store.replaceBreaker(stream, { seen: before, next: after });
        state = reply.state;
        changes += 1;
        if (reply.applied) return report(before, after);
      }
    } catch (error) {
      telemetry.log(
        'warn',
        'the circuit breaker could not be written, so other instances do not know of this answer',
        {
          budget,
          stream,
          reason: errorReason(error),
        },
      );
    }
  };

  const refusalOf = (nowMs: number): WafRefusal => {
    const {
      blockedUntilMs,
      suspectSinceMs = nowMs,
      clearedAtMs,
    } = believed(state, nowMs, 2 * clockAllowanceMs);
    const refused = phaseOf(state, nowMs, longestMs) === 'closed' ? 'call' : 'address';
    return {
      refused,
      refusedAtMs: nowMs,
      refusedSinceMs: suspectSinceMs,
      ...(clearedAtMs !== undefined && { clearedAtMs }),
      retryAtMs:
        refused === 'call'
          ? nowMs + Math.ceil(callRestMs * (1 + random()))
          : breaker.returnAtMs(Math.min(Math.max(blockedUntilMs ?? nowMs, nowMs), nowMs + longestMs)),
    };
  };

  const report = (before: BreakerState, after: BreakerState): void => {
    const fields = { budget, stream };
    if (after.blockedUntilMs !== undefined) {
      telemetry.metric('WafBlocked', 1, { budget });
      telemetry.log(
        'error',
        'the WAF refuses every call of this address: the stream makes no calls until a probe passes',
        {
          ...fields,
          until: new Date(after.blockedUntilMs).toISOString(),
          refusedSince: new Date(after.suspectSinceMs ?? after.blockedUntilMs).toISOString(),
        },
      );
    } else if (before.blockedUntilMs !== undefined) {
      telemetry.log('info', 'the WAF lets calls of this address pass again: the stream makes calls', fields);
    } else if (after.refusals === undefined) {
      telemetry.metric('WafRefusedCall', before.refusals ?? 1, { budget });
      telemetry.log(
        'warn',
        'the WAF refused a call, but a later call passed: it refuses that call for its content, or the tokenUrl of its client is wrong',
        { ...fields, refusals: before.refusals ?? 1 },
      );
    }
  };

  const breaker: CircuitBreaker = {
    get state() {
      return state;
    },
    observe() {
      const before = changes;
      return (seen) => {
        if (changes === before) state = seen;
      };
    },
    forget() {
      state = {};
      changes += 1;
      ownRestUntilMs = Number.NEGATIVE_INFINITY;
    },
    restsUntilMs(nowMs) {
      const { blockedUntilMs } = state;
      if (blockedUntilMs !== undefined && phaseOf(state, nowMs, longestMs) === 'open') {
        return { untilMs: blockedUntilMs, isOpen: true };
      }
      return ownRestUntilMs > nowMs ? { untilMs: ownRestUntilMs, isOpen: false } : undefined;
    },
    returnAtMs: (untilMs) => untilMs + Math.ceil(random() * RETURN_SPREAD_MS),
    async refused(call, isEvidence) {
      const nowMs = nowOr(call.sentAtMs);
      if (!isEvidence) return refusalOf(nowMs);
      ownRestUntilMs = nowMs + OWN_REST_MS;
      await change(nowMs, (seen) => afterRefusal(seen, { ...call, nowMs }));
      return refusalOf(nowMs);
    },
    answered(call) {
      if (state.refusedAtMs === undefined && state.blockedUntilMs === undefined) return undefined;
      const nowMs = nowOr(call.sentAtMs);
      clearing ??= change(nowMs, (seen) => afterAnswer(seen, { ...call, nowMs })).finally(() => {
        clearing = undefined;
      });
      return clearing;
    },
  };
  return breaker;
}
