import type { FaultMark } from '../view.ts';
import type { TimeRange } from './time-range.ts';

/** A part of a fault, cut to what a picture shows. */
interface Strip {
  /** Its row, from 0. */
  readonly lane: number;
  readonly kind: 'fault' | 'recovering';
  readonly fromMs: number;
  readonly toMs: number;
}

export interface FaultLanes {
  /** One lane per fault, in the order in which they came up. */
  readonly lanes: readonly FaultMark['fault'][];
  readonly strips: readonly Strip[];
}

/** The faults of which the range shows a part. */
export function faultLanes(marks: readonly FaultMark[], range: TimeRange): FaultLanes {
  const strips = marks.flatMap(({ fault, atMs, overMs, recoveredMs }) => {
    const endMs = recoveredMs ?? range.toMs;
    const cut = (kind: Strip['kind'], fromMs: number, toMs: number) =>
      toMs < range.fromMs || fromMs > range.toMs
        ? []
        : [{ fault, kind, fromMs: Math.max(fromMs, range.fromMs), toMs: Math.min(toMs, range.toMs) }];
    return [
      ...cut('fault', atMs, overMs ?? endMs),
      ...(overMs === undefined ? [] : cut('recovering', overMs, endMs)),
    ];
  });
  const lanes = [...new Set(strips.map(({ fault }) => fault))];
  return { lanes, strips: strips.map(({ fault, ...strip }) => ({ ...strip, lane: lanes.indexOf(fault) })) };
}
