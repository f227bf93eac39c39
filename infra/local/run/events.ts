import type { EmbeddedMetric } from '../emulators/cloudwatch/embedded-metrics.ts';
import type { GrantedTickets } from '../emulators/dynamodb/granted-tickets.ts';

/**
 * Everything that happens in a local run is one stream of events. What shows or judges a run (progress, report,
 * recovery of faults) listens to it and has no other source. Events hold names, numbers and fingerprints, never a
 * secret or a token.
 */
export type RunEvent = { readonly atMs: number } & UntimedEvent;

export type UntimedEvent =
  | CloudEvent
  | FunctionEvent
  | QueueEvent
  | JobEvent
  | FaultEvent
  | { readonly kind: 'table-request'; readonly operation: string; readonly status: number }
  /** Recorded with the answer, that came `durationMs` after the request. */
  | ({ readonly kind: 'tickets-granted'; readonly durationMs: number } & GrantedTickets);

/** What the Plume cloud saw. */
export type CloudEvent =
  /** A call reached the WAF; `inWindow` counts it and all calls of its address in the window that ends now. */
  | { readonly kind: 'call'; readonly address: string; readonly inWindow: number; readonly refused: boolean }
  /** A call that passed the WAF was answered; status 0: the connection was cut or left hanging. */
  | {
      readonly kind: 'answer';
      readonly endpoint: 'token' | 'introspect' | 'api' | 'other';
      readonly status: number;
      readonly client?: string | undefined;
      /** Of an API call: the token that it carried, and why that was refused. */
      readonly fingerprint?: string | undefined;
      readonly refusal?: TokenRefusal | undefined;
    }
  | {
      readonly kind: 'token-issued';
      readonly client: string;
      readonly fingerprint: string;
      readonly issuedAtMs: number;
      readonly expiresAtMs: number;
    }
  | { readonly kind: 'token-revoked'; readonly client: string; readonly fingerprint: string };

export type TokenRefusal = 'missing' | 'malformed' | 'expired' | 'revoked' | 'everything-refused';

export type FunctionEvent =
  | { readonly kind: 'instance-started'; readonly name: string; readonly instance: string }
  | {
      readonly kind: 'instance-stopped';
      readonly name: string;
      readonly instance: string;
      readonly reason: 'killed' | 'timed-out' | 'crashed' | 'shut-down';
    }
  | {
      readonly kind: 'invocation-started';
      readonly name: string;
      readonly instance: string;
      readonly id: string;
    }
  | {
      readonly kind: 'invocation-ended';
      readonly name: string;
      readonly instance: string;
      readonly id: string;
      readonly durationMs: number;
      /** The function's error type; absent if it answered. */
      readonly error?: string | undefined;
    }
  | { readonly kind: 'invocation-throttled'; readonly name: string }
  /** A line that a function wrote, as it is. */
  | { readonly kind: 'log'; readonly name: string; readonly instance: string; readonly line: string }
  /** One metric of a line in the embedded metric format. */
  | ({ readonly kind: 'metric' } & EmbeddedMetric);

export type QueueEvent =
  /** A batch failed: its messages become visible again after their visibility time-out. */
  { readonly kind: 'batch-failed'; readonly jobs: readonly string[]; readonly error: string };

export type JobEvent =
  | { readonly kind: 'job-submitted'; readonly job: string }
  | { readonly kind: 'job-done'; readonly job: string; readonly status: number };

export type FaultName =
  | 'token-revoked'
  | 'authorization-server-down'
  | 'secret-broken'
  | 'secret-rotated'
  | 'partner-removed'
  | 'address-blocked'
  | 'instance-killed'
  | 'table-away'
  | 'load-doubled';

export type FaultEvent =
  | { readonly kind: 'fault'; readonly fault: FaultName; readonly detail: string }
  | { readonly kind: 'fault-over'; readonly fault: FaultName }
  | { readonly kind: 'recovered'; readonly fault: FaultName; readonly afterMs: number };

export interface EventLog {
  record(event: UntimedEvent): void;
  /** Returns the function that ends the subscription. */
  subscribe(listener: (event: RunEvent) => void): () => void;
}

export function createEventLog(now: () => number): EventLog {
  const listeners = new Set<(event: RunEvent) => void>();
  return {
    record(untimed) {
      const event: RunEvent = { atMs: now(), ...untimed };
      for (const listener of listeners) listener(event);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
