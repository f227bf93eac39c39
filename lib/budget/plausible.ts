import type { BudgetStream } from '../contract.ts';
import { longestLineMs } from './lines.ts';
import type { BudgetSettings } from './settings.ts';
import { safeStartMs } from './tickets.ts';

/**
 * Whether honest callers can have moved a counter so far: they reserve the longest line ahead at most, and a new counter begins
 * past every ticket that could be alive. Twice that leaves room for other settings while a deployment lasts. A counter beyond it gives
 * no tickets until then; deleting it is safe, since a new one begins past every ticket that can be alive.
 *
 * @param nowMs DynamoDB's clock, in Unix ms
 */
export function isPlausible(
  nextMs: number,
  nowMs: number,
  stream: BudgetStream,
  settings: BudgetSettings,
): boolean {
  const aheadMs = safeStartMs(nowMs, longestLineMs(stream, settings), settings) - nowMs;
  return nextMs <= nowMs + 2 * aheadMs;
}
