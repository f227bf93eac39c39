import type { BudgetStream, Priority } from '../contract.ts';
import { type BudgetSettings, DEFAULT_BUDGET_SETTINGS, type StreamSettings } from './settings.ts';
import { ticketsThatFit } from './tickets.ts';

/** How far a caller may reserve, and how much at once. */
export interface Line {
  /** The latest ticket that it may take becomes valid so far ahead of now. Negative: it must have been valid for so long. */
  readonly aheadMs: number;
  /** The most tickets of one reservation. */
  readonly maxBlock: number;
  /** Refused callers retry within this time, each at its own moment… */
  readonly spreadMs: number;
  /** …and within this, if they are refused again and again. */
  readonly maxSpreadMs: number;
  /** Whether what this line refuses is taken from the workers' stream, if it has room. @default false */
  readonly mayBorrow?: boolean;
  /**
   * Whether the WAF's refusal of such a call says anything about the address: not if the call was refused before. Any other answer
   * to it does, so it may be a probe all the same: when every client fails, there is no other call to probe with.
   * @default true
   */
  readonly isEvidence?: boolean;
}

/** Larger blocks save few writes, and lose more tickets with an instance that dies. */
const TEN_BY_DEFAULT_MS = 10 * DEFAULT_BUDGET_SETTINGS.worker.intervalMs;

/** Of the workers' line: how much longer it is for the minter, so that no saturated line shuts it out. */
const LENT_SHARE = 0.5;

/**
 * What a request to the authorization server is for. Of the minter's stream each takes the tickets that those of the kinds
 * before it have left for it.
 *
 * - `renewal`: replaces a token before it ends
 * - `forced`: replaces a token that the API has rejected
 * - `first`: of a client without a token
 * - `retry`: of a client whose last mint failed
 * - `check`: the minter's own introspection
 * - `inspection`: the inspector's
 */
export type MintRequestKind = 'renewal' | 'forced' | 'first' | 'retry' | 'check' | 'inspection';

/** How long a ticket must have been valid, as a share of the stream's burst: 0, 20, 60 and 90 s by default. */
const REQUIRED_AGE: Readonly<Record<Exclude<MintRequestKind, 'renewal'>, number>> = {
  forced: 0,
  first: 2 / 9,
  retry: 6 / 9,
  check: 6 / 9,
  inspection: 1,
};

/**
 * What no own ticket is left for, these take from the workers' stream. Only they are evidence for a block of the address: a
 * client that fails already may be refused for its `tokenUrl` again and again.
 */
const URGENT: readonly MintRequestKind[] = ['renewal', 'forced', 'first'];

/**
 * A line of the given length, with blocks of ten, or of as many as a faster stream has in the time that ten take by
 * default; never longer than half of the line.
 */
export function lineOf({ intervalMs }: StreamSettings, aheadMs: number, maxBlock = 10): Line {
  const fast = Math.max(maxBlock, Math.floor(TEN_BY_DEFAULT_MS / intervalMs));
  const longest = 1 + Math.floor(aheadMs / 2 / intervalMs);
  return {
    aheadMs,
    maxBlock: Math.max(1, Math.min(fast, longest)),
    spreadMs: aheadMs,
    maxSpreadMs: 4 * aheadMs,
  };
}

/** For a stream of the default rate. */
const LOW = { aheadMs: 1_300, maxBlock: 4, spreadMs: 5_000, maxSpreadMs: 80_000 };

/**
 * Normal calls reserve as far ahead as there is a line. Low priority reserves a short one, however long it is ready to wait: so
 * normal calls pass any amount of it, with one counter and the same proof, and it gets what they leave.
 */
export function workerLine(priority: Priority, { worker }: BudgetSettings): Line {
  const { horizonMs } = worker;
  if (priority === 'normal') return lineOf(worker, horizonMs);
  const { spreadMs, maxSpreadMs } = LOW;
  return { ...lineOf(worker, Math.min(LOW.aheadMs, horizonMs), LOW.maxBlock), spreadMs, maxSpreadMs };
}

/** Which tickets of the minter's stream a request may take. */
export function mintLine(kind: MintRequestKind, { minter }: BudgetSettings): Line {
  const aheadMs = kind === 'renewal' ? minter.horizonMs : 0 - Math.ceil(REQUIRED_AGE[kind] * minter.burstMs);
  const isUrgent = URGENT.includes(kind);
  const spreadMs = minter.horizonMs;
  return {
    aheadMs,
    maxBlock: 1,
    spreadMs,
    maxSpreadMs: 4 * spreadMs,
    mayBorrow: isUrgent,
    isEvidence: isUrgent,
  };
}

/** The minter's line on the workers' stream. */
export function lentLine(settings: BudgetSettings): Line {
  // Few stand in this line, and they are in a hurry.
  const spreadMs = settings.worker.horizonMs / 4;
  return { aheadMs: longestLineMs('worker', settings), maxBlock: 1, spreadMs, maxSpreadMs: spreadMs };
}

/** How long a request of the minter waits for a ticket, 45 s by default: the line, and coming back to it once. */
export function mintWaitMs(settings: BudgetSettings): number {
  return Math.ceil(1.5 * longestLineMs('worker', settings));
}

/** How far ahead of now anybody may reserve on a stream. */
export function longestLineMs(stream: BudgetStream, settings: BudgetSettings): number {
  const { horizonMs } = settings[stream];
  return stream === 'worker' ? Math.ceil(horizonMs * (1 + LENT_SHARE)) : horizonMs;
}

/** The same line where an order has lengthened the interval: its blocks are as long as before, and so of fewer tickets. */
export function slowedLine(line: Line, stream: StreamSettings, slowed: StreamSettings): Line {
  if (slowed === stream) return line;
  const maxBlock = Math.max(1, Math.floor((line.maxBlock * stream.intervalMs) / slowed.intervalMs));
  return { ...line, maxBlock };
}

/** What a block is to fit into. */
export interface Room {
  readonly nowMs: number;
  /** The last moment at which the caller would still use a ticket. */
  readonly untilMs: number;
  readonly stream: StreamSettings;
}

/**
 * How many of `count` tickets are taken: all or none. A block is cut only where it could never fit: to the longest that the
 * line serves, and to what becomes valid until `untilMs` when the counter stands as far back as it may.
 */
export function blockOf(count: number, line: Line, { nowMs, untilMs, stream }: Room): number {
  const untilAtMostMs = Math.min(untilMs, nowMs + line.aheadMs);
  return Math.min(count, line.maxBlock, ticketsThatFit(nowMs - stream.burstMs, untilAtMostMs, stream));
}

/**
 * The latest value of the counter from which a block is granted. The line ends for blocks of all sizes at the same moment:
 * where it ended later for small ones, they would leave no room for large ones. A caller that cannot wait so long asks for a
 * block that ends by `untilMs`.
 */
export function ceilMs(block: number, line: Line, { nowMs, untilMs, stream }: Room): number {
  const { intervalMs } = stream;
  const endOfLineMs = nowMs + line.aheadMs - (line.maxBlock - 1) * intervalMs;
  return Math.min(endOfLineMs, untilMs - (block - 1) * intervalMs);
}
