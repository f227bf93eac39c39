import type { View } from '../view.ts';

/** What all pictures show of the time: the whole run at its end, its latest part before. */
export interface TimeRange {
  readonly fromMs: number;
  readonly toMs: number;
}

const WINDOWS = 6;

export function timeRangeOf({ nowMs, window, result }: View): TimeRange {
  const span = WINDOWS * window.windowMs;
  const fromMs = result === undefined ? Math.max(0, nowMs - span) : 0;
  return { fromMs, toMs: Math.max(nowMs, fromMs + window.windowMs) };
}
