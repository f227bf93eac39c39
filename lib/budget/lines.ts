import { DEFAULT_BUDGET_SETTINGS, type StreamSettings } from './settings.ts';
import { ticketsThatFit } from './tickets.ts';

/** How far a caller may reserve, and how much at once. */
export interface Line {
  /** The latest ticket that it may take becomes valid so far ahead of now. Negative: it must have been valid for so long. */
  readonly aheadMs: number;
  /** The most tickets of one reservation. */
  readonly maxBlock: number;
}

/** Larger blocks save few writes, and lose more tickets with an instance that dies. */
const TEN_BY_DEFAULT_MS = 10 * DEFAULT_BUDGET_SETTINGS.worker.intervalMs;

/**
 * A line of the given length, with blocks of ten, or of as many as a faster stream has in the time that ten take by
 * default; never longer than half of the line.
 */
export function lineOf({ intervalMs }: StreamSettings, aheadMs: number, maxBlock = 10): Line {
  const fast = Math.max(maxBlock, Math.floor(TEN_BY_DEFAULT_MS / intervalMs));
  return { aheadMs, maxBlock: Math.max(1, Math.min(fast, 1 + Math.floor(aheadMs / 2 / intervalMs))) };
}

/**
 * How many of `count` tickets are taken: all or none. A block is cut only where it could never fit: to the longest that the
 * line serves, and to what becomes valid until `untilMs` when the counter stands as far back as it may.
 */
export function blockOf(
  count: number,
  line: Line,
  { nowMs, untilMs, stream }: { nowMs: number; untilMs: number; stream: StreamSettings },
): number {
  const untilAtMostMs = Math.min(untilMs, nowMs + line.aheadMs);
  return Math.min(count, line.maxBlock, ticketsThatFit(nowMs - stream.burstMs, untilAtMostMs, stream));
}

/**
 * The latest value of the counter from which a block is granted. The line ends for blocks of all sizes at the same moment:
 * where it ended later for small ones, they would leave no room for large ones. A caller that cannot wait so long asks for a
 * block that ends by `untilMs`.
 */
export function ceilMs(
  block: number,
  line: Line,
  { nowMs, untilMs, stream }: { nowMs: number; untilMs: number; stream: StreamSettings },
): number {
  const { intervalMs } = stream;
  const endOfLineMs = nowMs + line.aheadMs - (line.maxBlock - 1) * intervalMs;
  return Math.min(endOfLineMs, untilMs - (block - 1) * intervalMs);
}
