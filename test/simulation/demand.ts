import type { Random } from './random.ts';

/** The shapes of demand. A job is some calls in a row by one worker. */
export type Demand = 'steady' | 'saturated' | 'bursts' | 'after idleness' | 'outage';

export const DEMANDS: readonly Demand[] = ['steady', 'saturated', 'bursts', 'after idleness', 'outage'];

export interface Arrival {
  readonly atMs: number;
  readonly calls: number;
}

interface Jobs {
  /** In the mean. */
  readonly callsPerJob: number;
  readonly random: Random;
}

/** Steady demand starts after this: a new counter's silence is over. */
export const WARM_UP_MS = 60_000;

export function arrivals(
  demand: Demand,
  span: { startMs: number; endMs: number; windowMs: number },
  callsPerJob: number,
  random: Random,
): readonly Arrival[] {
  const jobs = { callsPerJob, random };
  switch (demand) {
    case 'steady':
      return poisson(4, span, jobs);
    case 'saturated':
    case 'outage':
      return poisson(12, span, jobs);
    case 'bursts':
      return repeat(span.windowMs, span, (atMs) => batch(1_200, atMs, jobs));
    case 'after idleness':
      // Five seconds before the end of a window that starts with the epoch.
      return repeat(6 * span.windowMs, span, (atMs) => batch(6_000, atMs - 5_000, jobs));
  }
}

/** The whole of SQS and EventBridge, as far as this matters: jobs come at moments that nobody chose. */
function poisson(
  callsPerSecond: number,
  { startMs, endMs }: { startMs: number; endMs: number },
  { callsPerJob, random }: Jobs,
): Arrival[] {
  const all: Arrival[] = [];
  for (let atMs = startMs; atMs < endMs; atMs += random.exponential((1000 * callsPerJob) / callsPerSecond)) {
    all.push({ atMs, calls: callsOfJob({ callsPerJob, random }) });
  }
  return all;
}

function repeat(
  everyMs: number,
  { startMs, endMs }: { startMs: number; endMs: number },
  at: (atMs: number) => Arrival[],
): Arrival[] {
  const all: Arrival[] = [];
  const first = Math.ceil((startMs + WARM_UP_MS) / everyMs) * everyMs;
  for (let atMs = first; atMs < endMs; atMs += everyMs) all.push(...at(atMs));
  return all;
}

function batch(calls: number, atMs: number, jobs: Jobs): Arrival[] {
  const all: Arrival[] = [];
  for (let left = calls; left > 0; ) {
    const job = Math.min(callsOfJob(jobs), left);
    all.push({ atMs, calls: job });
    left -= job;
  }
  return all;
}

function callsOfJob({ callsPerJob, random }: Jobs): number {
  return callsPerJob === 1 ? 1 : Math.min(40, 1 + Math.floor(random.exponential(callsPerJob - 0.5)));
}
