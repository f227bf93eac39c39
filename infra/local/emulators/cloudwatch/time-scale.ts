import type { Profile } from '../../run/profile.ts';

/** A tick of the stack, which a local run's tick stands for. */
export const STACK_TICK_MS = 60_000;

/** How long one second of CloudWatch lasts in a run, in ms: what takes minutes in AWS takes ticks here. */
export function secondMsOf({ token }: Profile): number {
  return (1000 * token.tickMs) / STACK_TICK_MS;
}
