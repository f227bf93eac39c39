import type { FunctionPool } from './lambda/function-pool.ts';

/**
 * A timer in the place of EventBridge Scheduler: invokes a function every `intervalMs`, the first time at once.
 * Resolves when the first invocation has ended.
 */
export async function startSchedule(
  pool: FunctionPool,
  event: object,
  intervalMs: number,
): Promise<{ stop(): Promise<void> }> {
  const underWay = new Set<Promise<unknown>>();

  async function tick(): Promise<void> {
    // Whether it was throttled or failed is a fact already; the next tick comes anyway.
    const invocation = pool.invoke(JSON.stringify(event)).catch(() => {});
    underWay.add(invocation);
    await invocation;
    underWay.delete(invocation);
  }

  const timer = setInterval(() => void tick(), intervalMs);
  await tick();
  return {
    async stop() {
      clearInterval(timer);
      await Promise.all(underWay);
    },
  };
}
