import { BudgetExhaustedError, BudgetUnavailableError } from '../../lib/budget/errors.ts';
import type { Permit, TicketBook } from '../../lib/budget/ticket-book.ts';
import type { Instance } from './instance.ts';
import type { Limiter, World } from './limiter.ts';

/**
 * Two limiters to compare with. Each call asks for itself; a refused one comes back when the window ends, as both
 * libraries advise, with up to a second of jitter.
 */
type Consume = (instance: Instance) => Promise<{ readonly resetAtMs: number } | undefined>;

/**
 * `RateLimiterDynamo` of rate-limiter-flexible 11.4: a window that begins with the first call after the end of the last,
 * by the caller's clock; one update "expired or absent", and after its refusal another that counts.
 */
export function createFixedWindowLimiter(world: World): Limiter {
  const { limit, windowMs } = world.settings;
  const item = { points: 0, expiresMs: Number.NEGATIVE_INFINITY };

  const consume: Consume = async (instance) => {
    const nowMs = instance.clock.now();
    const begun = await world.engine.call(instance, () => {
      if (item.expiresMs > nowMs) return undefined;
      item.points = 1;
      item.expiresMs = nowMs + windowMs;
      return { ...item };
    });
    const counted =
      begun ??
      (await world.engine.call(instance, () => {
        if (item.expiresMs <= nowMs) return undefined;
        item.points += 1;
        return { ...item };
      }));
    if (counted && counted.points <= limit) return undefined;
    return { resetAtMs: counted?.expiresMs ?? nowMs };
  };
  // Two full windows, and a third when a slow clock has begun a window that a fast one ends early.
  return { bound: 3 * limit, connect: (instance) => bookOf(world, instance, consume) };
}

/** `slidingWindow` of @upstash/ratelimit 2.2: the last window's count, weighted, plus this one's. */
export function createSlidingCountersLimiter(world: World): Limiter {
  const { limit, windowMs } = world.settings;
  const counts = new Map<number, number>();
  const blockedUntilMs = new WeakMap<Instance, number>();

  const consume: Consume = async (instance) => {
    const nowMs = instance.clock.now();
    const window = Math.floor(nowMs / windowMs);
    const resetAtMs = (window + 1) * windowMs;
    // Its "ephemeral cache": a refused key is not asked for again before its window ends.
    if ((blockedUntilMs.get(instance) ?? 0) > nowMs) return { resetAtMs };
    const granted = await world.engine.call(instance, () => {
      const weight = 1 - (nowMs % windowMs) / windowMs;
      const current = counts.get(window) ?? 0;
      if (Math.floor((counts.get(window - 1) ?? 0) * weight) + current >= limit) return false;
      counts.set(window, current + 1);
      return true;
    });
    if (granted) return undefined;
    blockedUntilMs.set(instance, resetAtMs);
    return { resetAtMs };
  };
  return { bound: 2 * limit, connect: (instance) => bookOf(world, instance, consume) };
}

const JITTER_MS = 1_000;
/** Of limiters whose permits never expire. */
const permit: Permit = {
  ticket: { validFromMs: 0, expiresAtMs: Number.POSITIVE_INFINITY },
  isValid: () => true,
};

function bookOf({ random }: World, instance: Instance, consume: Consume) {
  return ({ patienceMs }: { patienceMs: () => number }): TicketBook => ({
    async attempt<Answer>(
      send: (permit: Permit) => Answer | Promise<Answer> | undefined,
    ): Promise<Answer | undefined> {
      const untilMs = instance.clock.now() + patienceMs();
      for (;;) {
        const refused = await consume(instance).catch(() => {
          throw new BudgetUnavailableError('', instance.clock.now() + random.between(1_000, 10_000));
        });
        if (!refused) return await send(permit);
        const retryAtMs = refused.resetAtMs + Math.ceil(random.next() * JITTER_MS);
        if (retryAtMs > untilMs) throw new BudgetExhaustedError('', retryAtMs);
        await instance.clock.sleep(retryAtMs - instance.clock.now());
      }
    },
    close: () => {},
  });
}
