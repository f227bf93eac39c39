import { createRollingWindow, type RollingWindow } from '../plume-cloud/rolling-window.ts';
import type { RunEvent } from '../run/events.ts';
import type { WindowView } from './view.ts';

type Call = Extract<RunEvent, { kind: 'call' }>;

interface Source {
  readonly window: RollingWindow;
  readonly atMs: number[];
  readonly calls: number[];
}

/** More points than a screen has pixels; beyond them two become one. */
const MAX_POINTS = 4_000;
/** Without calls the count falls: a point now and then shows it. */
const SILENCE_MS = 400;

/** The count that the WAF came to at each call. Of calls at the same moment the highest count stays. */
export function createWindowRecord(
  { limit, windowMs }: { readonly limit: number; readonly windowMs: number },
  startedAtMs: number,
): { add(call: Call): void; view(nowMs: number): WindowView } {
  const sources = new Map<string, Source>();

  function addPoint({ atMs, calls }: Source, unixMs: number, count: number): void {
    atMs.push(Math.round(unixMs - startedAtMs));
    calls.push(count);
    if (atMs.length > MAX_POINTS) halve(atMs, calls);
  }

  return {
    add({ address, atMs, inWindow }) {
      const source = sources.get(address) ?? { window: createRollingWindow(windowMs), atMs: [], calls: [] };
      sources.set(address, source);
      source.window.add(atMs);
      addPoint(source, atMs, inWindow);
    },
    view(nowMs) {
      for (const source of sources.values()) {
        const lastMs = startedAtMs + (source.atMs.at(-1) ?? 0);
        if (nowMs - lastMs > SILENCE_MS) addPoint(source, nowMs, source.window.count(nowMs));
      }
      const addresses = [...sources].map(([address, { atMs, calls }]) => ({ address, atMs, calls }));
      return { limit, windowMs, addresses };
    },
  };
}

function halve(atMs: number[], calls: number[]): void {
  let kept = 0;
  for (let index = 0; index < atMs.length; index += 2, kept += 1) {
    const peak = (calls[index + 1] ?? 0) > (calls[index] ?? 0) ? index + 1 : index;
    atMs[kept] = atMs[peak] as number;
    calls[kept] = calls[peak] as number;
  }
  atMs.length = kept;
  calls.length = kept;
}
