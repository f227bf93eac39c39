import type { Profile } from './profile.ts';
import type { RunState } from './run-state.ts';

/** What a run came to. Times are relative: seconds since its begin, or milliseconds where the name says so. */
export interface Report {
  readonly durationSeconds: number;
  /** Ended by the user. */
  readonly interrupted: boolean;
  readonly jobsSubmitted: number;
  readonly jobsDone: number;
  /** Jobs without a result that the queue does not hold any more. */
  readonly jobsLost: number;
  /** Jobs that the queue still holds: the run ended before their time. */
  readonly jobsWaiting: number;
  /** Jobs without a result that ended in the dead-letter queue; they count as lost. */
  readonly jobsInDeadLetterQueue: number;
  /** Results beyond a job's first. */
  readonly duplicateResults: number;
  readonly apiCalls: number;
  readonly mints: number;
  /** Token lifetimes that the run spanned, summed over the clients. */
  readonly lifetimes: number;
  readonly rejected401: number;
  readonly recovered401: number;
  readonly expiredTokensSent: number;
  readonly wafBlocked: number;
  /** Of these blocks an order was the cause. */
  readonly wafBlockedByFault: number;
  readonly maxCallsInWindow: number;
  readonly limit: number;
  readonly dynamoRequestsPerCall: number;
  readonly dynamoRequests: Readonly<Record<string, number>>;
  /** From a job's submission to its result; null without any result. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly faults: readonly {
    readonly fault: string;
    readonly detail: string;
    readonly atSeconds: number;
    /** null: it has not recovered. */
    readonly recoveredAfterMs: number | null;
  }[];
  /** What is wrong with the history of the run: see {@link createHistory}. */
  readonly historyErrors: readonly string[];
  /** Tickets were granted in so many requests, which the history was checked for. */
  readonly grants: number;
  /** The inspector's answer at the end of the run. */
  readonly inspection: unknown;
}

export interface RunOutcome {
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly interrupted: boolean;
  /** Jobs that wait or are being done, and results that were not collected. */
  readonly jobsInQueue: number;
  readonly jobsInDeadLetterQueue: number;
  readonly historyErrors: readonly string[];
  readonly grants: number;
  readonly inspection: unknown;
}

export function createReport(state: RunState, profile: Profile, outcome: RunOutcome): Report {
  const { startedAtMs, endedAtMs, interrupted, jobsInQueue, jobsInDeadLetterQueue } = outcome;
  const { historyErrors, grants, inspection } = outcome;
  const durationSeconds = (endedAtMs - startedAtMs) / 1000;
  const missing = state.submitted.size - state.latencies.size;
  const latencies = [...state.latencies.values()].sort((a, b) => a - b);
  const requests = [...state.tableRequests.values()].reduce((sum, count) => sum + count, 0);
  return {
    durationSeconds: round(durationSeconds, 1),
    interrupted,
    jobsSubmitted: state.submitted.size,
    jobsDone: state.latencies.size,
    jobsLost: Math.max(0, missing - jobsInQueue, jobsInDeadLetterQueue),
    jobsWaiting: Math.min(missing, jobsInQueue),
    jobsInDeadLetterQueue,
    duplicateResults: state.duplicateResults,
    apiCalls: state.apiCalls,
    mints: state.mints,
    lifetimes: round(
      profile.clients.reduce((sum, { lifetimeSeconds }) => sum + durationSeconds / lifetimeSeconds, 0),
      1,
    ),
    rejected401: state.rejected401,
    recovered401: state.metrics.get('TokenRecovered') ?? 0,
    expiredTokensSent: state.expiredTokensSent,
    wafBlocked: state.wafBlocked,
    wafBlockedByFault: state.wafBlockedByFault,
    maxCallsInWindow: state.maxCallsInWindow,
    limit: profile.budget.limit,
    dynamoRequestsPerCall: round(requests / Math.max(1, state.apiCalls), 2),
    dynamoRequests: Object.fromEntries(state.tableRequests),
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    faults: state.faults.map(({ fault, detail, atMs, recoveredAfterMs }) => ({
      fault,
      detail,
      atSeconds: round((atMs - startedAtMs) / 1000, 1),
      recoveredAfterMs: recoveredAfterMs === undefined ? null : Math.round(recoveredAfterMs),
    })),
    historyErrors,
    grants,
    inspection,
  };
}

/** Why the run must not count as a success; empty if it may. */
export function failuresOf(report: Report): readonly string[] {
  const { interrupted, jobsLost, jobsWaiting, wafBlocked, maxCallsInWindow, limit, expiredTokensSent } =
    report;
  const isOver = !interrupted;
  return [
    jobsLost > 0 && `${jobsLost} jobs were lost`,
    isOver && jobsWaiting > 0 && `${jobsWaiting} jobs were not done in time`,
    ...report.faults.map(
      ({ fault, recoveredAfterMs }) =>
        isOver && recoveredAfterMs === null && `${fault} was not recovered from`,
    ),
    wafBlocked > 0 && `the WAF refused ${wafBlocked} calls`,
    maxCallsInWindow > limit && `${maxCallsInWindow} calls in one window exceed the limit of ${limit}`,
    expiredTokensSent > 0 && `${expiredTokensSent} calls carried an expired token`,
    ...report.historyErrors,
  ].filter((failure) => failure !== false);
}

/** By nearest rank. */
function percentile(sorted: readonly number[], share: number): number | null {
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  return value === undefined ? null : Math.round(value);
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
