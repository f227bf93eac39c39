import type { Clock } from '../../lib/platform/clock.ts';

/** Time that passes only when nothing is left to do: the code under test runs as it is, an hour in seconds. */
export interface VirtualTime {
  readonly now: () => number;
  /** Calls `event` at the moment `atMs`, or now if that is past. */
  at(atMs: number, event: () => void): void;
  /** Runs all events up to `untilMs`, in order. */
  run(untilMs: number): Promise<void>;
}

/** @param settled resolves when all that could happen at this moment has happened */
export function createVirtualTime(startMs: number, settled: () => Promise<void> = oneTurn): VirtualTime {
  let nowMs = startMs;
  let order = 0;
  const heap: Event[] = [];

  return {
    now: () => nowMs,
    at(atMs, event) {
      order += 1;
      push(heap, { atMs: Math.max(atMs, nowMs), order, event });
    },
    async run(untilMs) {
      for (;;) {
        await settled();
        const next = heap[0];
        if (!next || next.atMs > untilMs) break;
        pop(heap);
        nowMs = next.atMs;
        next.event();
      }
      nowMs = untilMs;
    },
  };
}

/** A turn of the event loop: without input and output, every promise that could settle has settled. */
export function oneTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A clock that is `skewMs` ahead of virtual time. */
export function virtualClock(time: VirtualTime, skewMs = 0): Clock {
  return {
    now: () => time.now() + skewMs,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
        time.at(time.now() + ms, resolve);
      }),
  };
}

interface Event {
  readonly atMs: number;
  /** Events of one moment keep the order in which they were scheduled. */
  readonly order: number;
  readonly event: () => void;
}

function before(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

function push(heap: Event[], event: Event): void {
  let index = heap.length;
  while (index > 0) {
    const parent = (index - 1) >> 1;
    const above = heap[parent] as Event;
    if (!before(event, above)) break;
    heap[index] = above;
    index = parent;
  }
  heap[index] = event;
}

function pop(heap: Event[]): void {
  const last = heap.pop() as Event;
  const size = heap.length;
  if (size === 0) return;
  let index = 0;
  for (;;) {
    let child = 2 * index + 1;
    if (child >= size) break;
    if (child + 1 < size && before(heap[child + 1] as Event, heap[child] as Event)) child += 1;
    if (!before(heap[child] as Event, last)) break;
    heap[index] = heap[child] as Event;
    index = child;
  }
  heap[index] = last;
}
