import type { Demand } from './demand.ts';
import type { SimulationResult } from './simulation.ts';

/** One algorithm under all demands and seeds. Times in milliseconds. */
export interface AlgorithmSummary {
  readonly algorithm: string;
  readonly workers: number;
  readonly bound: number;
  readonly largestWindow: number;
  /** All runs together. */
  readonly beyondLimit: number;
  /** Of the limit, under saturating demand. */
  readonly shareOfLimit: number;
  /** Of the configured rate, under saturating demand: the worst seed. */
  readonly shareOfRate: number;
  readonly requestsPerCall: { readonly steady: number; readonly saturated: number };
  /** Calls in the fullest second, at 4 calls/s and under saturating demand. */
  readonly mostInASecond: { readonly steady: number; readonly saturated: number };
  /** How long a call waits for its permit at 4 calls/s. */
  readonly waitP50Ms: number;
  readonly waitP99Ms: number;
  /** The same after 1200 calls at once. */
  readonly burstWaitP99Ms: number;
  /** Over all demands. */
  readonly minterWaitP99Ms: number;
  readonly minterWaitMaxMs: number;
}

export interface Run {
  readonly demand: Demand;
  readonly seed: number;
  readonly result: SimulationResult;
}

export function summarise(algorithm: string, workers: number, runs: readonly Run[]): AlgorithmSummary {
  const under = (demand: Demand, pick: (result: SimulationResult) => number): number[] =>
    runs.filter((run) => run.demand === demand).map((run) => pick(run.result));
  const all = (pick: (result: SimulationResult) => number): number[] => runs.map((run) => pick(run.result));
  return {
    algorithm,
    workers,
    bound: Math.max(...all(({ bound }) => bound)),
    largestWindow: Math.max(...all(({ largestWindow }) => largestWindow)),
    beyondLimit: sum(all(({ beyondLimit }) => beyondLimit)),
    shareOfLimit: mean(under('saturated', ({ shareOfLimit }) => shareOfLimit)),
    shareOfRate: Math.min(...under('saturated', ({ shareOfRate }) => shareOfRate)),
    requestsPerCall: {
      steady: mean(under('steady', ({ requestsPerCall }) => requestsPerCall)),
      saturated: mean(under('saturated', ({ requestsPerCall }) => requestsPerCall)),
    },
    mostInASecond: {
      steady: Math.max(...under('steady', ({ mostInASecond }) => mostInASecond)),
      saturated: Math.max(...under('saturated', ({ mostInASecond }) => mostInASecond)),
    },
    waitP50Ms: mean(under('steady', ({ waitP50Ms }) => waitP50Ms)),
    waitP99Ms: mean(under('steady', ({ waitP99Ms }) => waitP99Ms)),
    burstWaitP99Ms: mean(under('bursts', ({ waitP99Ms }) => waitP99Ms)),
    minterWaitP99Ms: Math.max(...all(({ minterWaitP99Ms }) => minterWaitP99Ms)),
    minterWaitMaxMs: Math.max(...all(({ minterWaitMaxMs }) => minterWaitMaxMs)),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}
