import type { WafBlockedError } from '../../lib/waf/errors.ts';

/** What a job carries from one refusal to the next, in Unix ms by DynamoDB's clock. */
export interface RefusedBefore {
  readonly refusedAtMs: number;
  /** When a refusal last counted against it. */
  readonly countedAtMs?: number | undefined;
}

/** In windows of the WAF, whose blocks end with a window: what lasts longer may be the job's own doing. */
const LASTING = 2;

/**
 * Whether a refusal counts against its job: if the WAF refuses that job for what it holds, another call passed after the job
 * was refused, and the job is refused again. While the whole address is refused nothing counts, for two windows; then once a
 * window, since a job that is alone would be tried for ever.
 *
 * @param before what the job carries, if it was refused before
 * @returns whether a refusal counts, and what the job carries from now on
 */
export function countRefusal(
  before: RefusedBefore | undefined,
  { refusedAtMs, refusedSinceMs, clearedAtMs = 0 }: WafBlockedError,
  windowMs: number,
): { readonly counts: boolean; readonly carries: RefusedBefore } {
  const { countedAtMs } = before ?? {};
  const othersPassed = before !== undefined && clearedAtMs > before.refusedAtMs;
  const isLasting =
    refusedAtMs - refusedSinceMs >= LASTING * windowMs &&
    refusedAtMs - (countedAtMs ?? refusedSinceMs) >= windowMs;
  const counts = othersPassed || isLasting;
  return { counts, carries: { refusedAtMs, countedAtMs: counts ? refusedAtMs : countedAtMs } };
}
