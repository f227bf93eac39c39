import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Fact, Facts } from './facts.ts';
import type { FunctionPool } from './lambda/function-pool.ts';
import type { PlumeCloud } from './plume-cloud/plume-cloud.ts';

export interface FaultOptions {
  readonly facts: Facts;
  readonly cloud: PlumeCloud;
  readonly worker: { readonly name: string; readonly pool: FunctionPool };
  /** The client whose token the workers use. */
  readonly client: string;
  readonly tickMs: number;
  /** The run's length: the moments of the faults are shares of it. */
  readonly durationMs: number;
  readonly isDone: (job: string) => boolean;
  readonly signal: AbortSignal;
}

/**
 * Injects the faults at their moments and measures each recovery. Resolves when the system has recovered from all of
 * them, or when the signal aborts.
 */
export async function injectFaults(options: FaultOptions): Promise<void> {
  const aborted = once(options.signal, 'abort');
  const faults = [revokeToken(options), killInstance(options), takeAuthorizationServerDown(options)];
  // A fault whose sleep is interrupted rejects: the run is over, and nobody asks about it any more.
  await Promise.race([aborted, Promise.all(faults)]).catch((error: unknown) => {
    if (!options.signal.aborted) throw error;
  });
}

/** The vendor revokes the token that the workers are using. Recovered: the API takes another one. */
async function revokeToken({ facts, cloud, client, durationMs, signal }: FaultOptions): Promise<void> {
  await sleep(0.2 * durationMs, undefined, { signal });
  await nextFact(facts, isAccepted);
  const fault = 'token-revoked';
  facts.record({ kind: 'fault', fault, detail: `the live token of ${client} is revoked` });
  const startedMs = performance.now();
  const revoked = cloud.revoke(client);
  await nextFact(facts, (fact) => isAccepted(fact) && !revoked.includes(fact.fingerprint ?? ''));
  facts.record({ kind: 'recovered', fault, afterMs: performance.now() - startedMs });
}

function isAccepted(fact: Fact): fact is Extract<Fact, { kind: 'answer' }> {
  return fact.kind === 'answer' && fact.endpoint === 'api' && fact.status === 200;
}

/** A worker's host dies. Recovered: every job of the batch that it was working on has its result. */
async function killInstance(options: FaultOptions): Promise<void> {
  const { facts, worker, durationMs, isDone, signal } = options;
  await sleep(0.35 * durationMs, undefined, { signal });
  const fault = 'instance-killed';
  const failed = nextFact(
    facts,
    (fact): fact is BatchFailed => fact.kind === 'batch-failed' && fact.error === 'Runtime.ExitError',
  );
  await killBusyInstance(options);
  const startedMs = performance.now();
  const { jobs } = await failed;
  const detail = `an instance of ${worker.name} dies with ${jobs.length} jobs in hand`;
  facts.record({ kind: 'fault', fault, detail });
  while (!jobs.every(isDone)) await nextFact(facts, ({ kind }) => kind === 'job-done');
  facts.record({ kind: 'recovered', fault, afterMs: performance.now() - startedMs });
}

type BatchFailed = Extract<Fact, { kind: 'batch-failed' }>;
type InvocationStarted = Extract<Fact, { kind: 'invocation-started' }>;

async function killBusyInstance({ facts, worker, signal }: FaultOptions): Promise<void> {
  for (;;) {
    const { instance } = await nextFact(
      facts,
      (fact): fact is InvocationStarted => fact.kind === 'invocation-started' && fact.name === worker.name,
    );
    // Long enough to have begun, and not yet done.
    await sleep(50, undefined, { signal });
    if (worker.pool.busy().includes(instance) && (await worker.pool.kill(instance))) return;
  }
}

/**
 * The authorization server answers 503 until it has refused a renewal and one more tick has passed. Recovered: it has
 * issued a token since it is back.
 */
async function takeAuthorizationServerDown(options: FaultOptions): Promise<void> {
  const { facts, cloud, tickMs, durationMs, signal } = options;
  await sleep(0.5 * durationMs, undefined, { signal });
  const fault = 'authorization-server-down';
  facts.record({ kind: 'fault', fault, detail: 'the authorization server answers 503 past a renewal' });
  cloud.setOutage('unavailable');
  const refusal = nextFact(
    facts,
    (fact) => fact.kind === 'answer' && fact.endpoint === 'token' && fact.status === 503,
  );
  await refusal;
  await sleep(tickMs, undefined, { signal });
  const startedMs = performance.now();
  cloud.setOutage(undefined);
  facts.record({ kind: 'fault-over', fault });
  await nextFact(facts, ({ kind }) => kind === 'token-issued');
  facts.record({ kind: 'recovered', fault, afterMs: performance.now() - startedMs });
}

/** Resolves with the first fact from now on that matches; never, if none does. */
function nextFact<Kind extends Fact = Fact>(
  facts: Facts,
  matches: ((fact: Fact) => fact is Kind) | ((fact: Fact) => boolean),
): Promise<Kind> {
  return new Promise((resolve) => {
    const unsubscribe = facts.subscribe((fact) => {
      if (!matches(fact)) return;
      unsubscribe();
      resolve(fact as Kind);
    });
  });
}
