import type { AlgorithmSummary } from './summary.ts';

const HEADINGS = [
  'algorithm',
  'workers',
  'proven bound',
  'largest window',
  'calls beyond 2000',
  'share of 2000',
  'writes per call: 4/s / saturated',
  'most in one second: 4/s / saturated',
  'wait at 4/s: p50 / p99',
  'wait of 1200 at once: p99',
  'minter waits: p99 / max',
];

/** A Markdown table: one row per algorithm and fleet. */
export function formatTable(
  summaries: readonly AlgorithmSummary[],
  adversary: { algorithm: string; bound: number; largestWindow: number; beyondLimit: number },
): string {
  const rows = summaries.map((row) => [
    row.algorithm,
    row.workers,
    row.bound,
    row.largestWindow,
    row.beyondLimit,
    `${(100 * row.shareOfLimit).toFixed(1)} %`,
    `${row.requestsPerCall.steady.toFixed(2)} / ${row.requestsPerCall.saturated.toFixed(2)}`,
    `${row.mostInASecond.steady} / ${row.mostInASecond.saturated}`,
    `${duration(row.waitP50Ms)} / ${duration(row.waitP99Ms)}`,
    duration(row.burstWaitP99Ms),
    `${duration(row.minterWaitP99Ms)} / ${duration(row.minterWaitMaxMs)}`,
  ]);
  const last = [adversary.algorithm, '', adversary.bound, adversary.largestWindow, adversary.beyondLimit];
  return [HEADINGS, HEADINGS.map(() => '---'), ...rows, [...last, '', '', '', '', '', '']]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
