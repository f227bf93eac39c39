import { createRollingWindow, type RollingWindow } from '../plume-cloud/rolling-window.ts';
import type { Fact, FaultName } from './facts.ts';

/** What the facts of a run add up to so far. Whoever shows the run reads it, and only facts change it. */
export interface RunState {
  /** When each job was submitted. */
  readonly submitted: Map<string, number>;
  /** Milliseconds from a job's submission to its first result. */
  readonly latencies: Map<string, number>;
  /** Results beyond a job's first: at-least-once delivery. */
  duplicateResults: number;
  apiCalls: number;
  /** Calls that the WAF refused; not those of a block that was a fault. */
  wafBlocked: number;
  /** Calls that the WAF refused during a block that was ordered as a fault. */
  wafBlockedByFault: number;
  maxCallsInWindow: number;
  /** All calls, by any address. */
  readonly window: RollingWindow;
  mints: number;
  rejected401: number;
  expiredTokensSent: number;
  /** Each client's latest token. */
  readonly tokens: Map<
    string,
    { readonly fingerprint: string; readonly expiresAtMs: number; revoked: boolean }
  >;
  /** By name, over all labels. */
  readonly metrics: Map<string, number>;
  /** By operation. */
  readonly tableRequests: Map<string, number>;
  /** Instances that run now, by function. */
  readonly instances: Map<string, number>;
  readonly faults: FaultState[];
}

export interface FaultState {
  readonly fault: FaultName;
  readonly detail: string;
  readonly atMs: number;
  /** The cause is gone. */
  overAtMs?: number;
  recoveredAfterMs?: number;
}

export function createRunState(windowMs: number): RunState {
  return {
    submitted: new Map(),
    latencies: new Map(),
    duplicateResults: 0,
    apiCalls: 0,
    wafBlocked: 0,
    wafBlockedByFault: 0,
    maxCallsInWindow: 0,
    window: createRollingWindow(windowMs),
    mints: 0,
    rejected401: 0,
    expiredTokensSent: 0,
    tokens: new Map(),
    metrics: new Map(),
    tableRequests: new Map(),
    instances: new Map(),
    faults: [],
  };
}

/** Adds one fact to the state. */
export function apply(state: RunState, fact: Fact): void {
  switch (fact.kind) {
    case 'call':
      state.window.add(fact.atMs);
      state.maxCallsInWindow = Math.max(state.maxCallsInWindow, fact.inWindow);
      if (fact.refused && isBlockInjected(state)) state.wafBlockedByFault += 1;
      else if (fact.refused) state.wafBlocked += 1;
      break;
    case 'answer':
      if (fact.endpoint !== 'api') break;
      state.apiCalls += 1;
      if (fact.status === 401) state.rejected401 += 1;
      if (fact.refusal === 'expired') state.expiredTokensSent += 1;
      break;
    case 'token-issued':
      state.mints += 1;
      state.tokens.set(fact.client, {
        fingerprint: fact.fingerprint,
        expiresAtMs: fact.expiresAtMs,
        revoked: false,
      });
      break;
    case 'token-revoked': {
      const token = state.tokens.get(fact.client);
      if (token?.fingerprint === fact.fingerprint) token.revoked = true;
      break;
    }
    case 'metric':
      add(state.metrics, fact.metric, fact.value);
      break;
    case 'table-request':
      add(state.tableRequests, fact.operation, 1);
      break;
    case 'instance-started':
      add(state.instances, fact.name, 1);
      break;
    case 'instance-stopped':
      add(state.instances, fact.name, -1);
      break;
    case 'job-submitted':
      state.submitted.set(fact.job, fact.atMs);
      break;
    case 'job-done': {
      const submittedAtMs = state.submitted.get(fact.job);
      if (submittedAtMs === undefined) break;
      if (state.latencies.has(fact.job)) state.duplicateResults += 1;
      else state.latencies.set(fact.job, fact.atMs - submittedAtMs);
      break;
    }
    case 'fault':
      state.faults.push({ fault: fact.fault, detail: fact.detail, atMs: fact.atMs });
      break;
    case 'fault-over': {
      const fault = openFault(state, fact.fault);
      if (fault !== undefined) fault.overAtMs = fact.atMs;
      break;
    }
    case 'recovered': {
      const fault = openFault(state, fact.fault);
      if (fault !== undefined) fault.recoveredAfterMs = fact.afterMs;
      break;
    }
  }
}

/** A fault that the system has not recovered from: of each name there is one at a time. */
function openFault({ faults }: RunState, name: FaultName): FaultState | undefined {
  const last = faults.findLast(({ fault }) => fault === name);
  return last?.recoveredAfterMs === undefined ? last : undefined;
}

function isBlockInjected(state: RunState): boolean {
  const block = openFault(state, 'address-blocked');
  return block !== undefined && block.overAtMs === undefined;
}

function add(counts: Map<string, number>, key: string, value: number): void {
  counts.set(key, (counts.get(key) ?? 0) + value);
}
