/** Counts calls in a rolling window, exactly. */
export interface RollingWindow {
  /** Adds a call; times never go back. Returns the calls in the window that ends with it, itself included. */
  add(atMs: number): number;
  /** The calls in `(atMs - windowMs, atMs]`. */
  count(atMs: number): number;
  clear(): void;
}

export function createRollingWindow(windowMs: number): RollingWindow {
  let times: number[] = [];
  let first = 0;

  function count(atMs: number): number {
    while (first < times.length && (times[first] as number) <= atMs - windowMs) first += 1;
    if (first > 1024 && first * 2 > times.length) {
      times = times.slice(first);
      first = 0;
    }
    return times.length - first;
  }

  return {
    add(atMs) {
      times.push(atMs);
      return count(atMs);
    },
    count,
    clear() {
      times = [];
      first = 0;
    },
  };
}
