import { FAULTS, type FaultDesk } from '../faults/fault-desk.ts';
import type { RunState } from '../run/run-state.ts';
import type { FaultMark, FaultView } from './view.ts';

/** The faults that can be ordered, as buttons. */
export function faultViews(desk: FaultDesk): readonly FaultView[] {
  return FAULTS.map(({ name, label, effect }) => ({
    name,
    label,
    effect,
    isAvailable: desk.takes(name),
  }));
}

/** The faults that happened, as marks in the pictures. */
export function faultMarks({ faults }: RunState, startedAtMs: number): readonly FaultMark[] {
  return faults.map(({ fault, detail, atMs, overAtMs, recoveredAfterMs }) => {
    const sinceBegin = (unixMs: number): number => Math.round(unixMs - startedAtMs);
    const isMoment = FAULTS.some(({ name, isMoment }) => name === fault && isMoment);
    const overMs = overAtMs ?? (isMoment ? atMs : undefined);
    return {
      fault,
      detail,
      atMs: sinceBegin(atMs),
      ...(overMs !== undefined && { overMs: sinceBegin(overMs) }),
      ...(recoveredAfterMs !== undefined && {
        recoveredMs: sinceBegin((overMs ?? atMs) + recoveredAfterMs),
        recoveredAfterMs: Math.round(recoveredAfterMs),
      }),
    };
  });
}
