import { createRollingWindow, type RollingWindow } from '../plume-cloud/rolling-window.ts';
import type { FaultName, RunEvent } from './events.ts';

/** The sum of a run's events so far. Only events change it; the page and the report read it. */
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

/** Adds one event to the state. */
export function apply(state: RunState, event: RunEvent): void {
  switch (event.kind) {
    case 'call':
      state.window.add(event.atMs);
      state.maxCallsInWindow = Math.max(state.maxCallsInWindow, event.inWindow);
      if (event.refused && isBlockInjected(state)) state.wafBlockedByFault += 1;
      else if (event.refused) state.wafBlocked += 1;
      break;
    case 'answer':
      if (event.endpoint !== 'api') break;
      state.apiCalls += 1;
      if (event.status === 401) state.rejected401 += 1;
      if (event.refusal === 'expired') state.expiredTokensSent += 1;
      break;
    case 'token-issued':
      state.mints += 1;
      state.tokens.set(event.client, {
        fingerprint: event.fingerprint,
        expiresAtMs: event.expiresAtMs,
        revoked: false,
      });
      break;
    case 'token-revoked': {
      const token = state.tokens.get(event.client);
      if (token?.fingerprint === event.fingerprint) token.revoked = true;
      break;
    }
    case 'metric':
      add(state.metrics, event.metric, event.value);
      break;
    case 'table-request':
      add(state.tableRequests, event.operation, 1);
      break;
    case 'instance-started':
      add(state.instances, event.name, 1);
      break;
    case 'instance-stopped':
      add(state.instances, event.name, -1);
      break;
    case 'job-submitted':
      state.submitted.set(event.job, event.atMs);
      break;
    case 'job-done': {
      const submittedAtMs = state.submitted.get(event.job);
      if (submittedAtMs === undefined) break;
      if (state.latencies.has(event.job)) state.duplicateResults += 1;
      else state.latencies.set(event.job, event.atMs - submittedAtMs);
      break;
    }
    case 'fault':
      state.faults.push({ fault: event.fault, detail: event.detail, atMs: event.atMs });
      break;
    case 'fault-over': {
      const fault = openFault(state, event.fault);
      if (fault !== undefined) fault.overAtMs = event.atMs;
      break;
    }
    case 'recovered': {
      const fault = openFault(state, event.fault);
      if (fault !== undefined) fault.recoveredAfterMs = event.afterMs;
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
