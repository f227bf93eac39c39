import type { FunctionPool } from './lambda/function-pool.ts';

/** A timer in the place of EventBridge Scheduler: invokes a function at once and then every `intervalMs`. */
export function startSchedule(
  pool: FunctionPool,
  event: object,
  intervalMs: number,
): { stop(): Promise<void> } {
  const underWay = new Set<Promise<unknown>>();

  function tick(): void {
    // Whether it was throttled or failed is a fact already; the next tick comes anyway.
    const invocation = pool.invoke(JSON.stringify(event)).catch(() => {});
    underWay.add(invocation);
    void invocation.finally(() => underWay.delete(invocation));
  }

  tick();
  const timer = setInterval(tick, intervalMs);
  return {
    async stop() {
      clearInterval(timer);
      await Promise.all(underWay);
    },
  };
}
