import type { FunctionPool } from './lambda/function-pool.ts';

/**
 * A timer in the place of EventBridge Scheduler: invokes a function every `intervalMs`, the first time at once.
 * Resolves when the first invocation has ended.
 *
 * @param onFailed takes the event of an invocation that failed, as a dead-letter queue does
 */
export async function startSchedule(
  pool: FunctionPool,
  event: object,
  intervalMs: number,
  onFailed: (event: string) => Promise<unknown>,
): Promise<{ stop(): Promise<void> }> {
  const underWay = new Set<Promise<unknown>>();

  async function tick(): Promise<void> {
    // That it was throttled or failed is recorded by the pool; the next tick comes anyway.
    const invocation = invoke(JSON.stringify(event)).catch(() => {});
    underWay.add(invocation);
    await invocation;
    underWay.delete(invocation);
  }

  async function invoke(payload: string): Promise<void> {
    const result = await pool.invoke(payload);
    if (!result.ok) await onFailed(payload);
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
