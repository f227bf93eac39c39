import type { Writable } from 'node:stream';

import type { RunEvent } from './events.ts';
import type { Profile } from './profile.ts';
import type { RunUnderWay } from './run.ts';
import type { RunState } from './run-state.ts';

/** Watches a run: a line a second, and one for each fault and recovery when it happens. */
export function showProgress(profile: Profile, output: Writable): (run: RunUnderWay) => () => void {
  return ({ events, state, startedAtMs, now }) => {
    const unsubscribe = events.subscribe((event) => {
      const line = eventLine(event);
      if (line !== undefined) output.write(`${line}\n`);
    });
    const timer = setInterval(() => {
      output.write(`${progressLine(state, profile, startedAtMs, now())}\n`);
    }, 1000);
    return () => {
      clearInterval(timer);
      unsubscribe();
    };
  };
}

/** The state of the run in one line. */
function progressLine(
  state: RunState,
  { budget, token }: Profile,
  startedAtMs: number,
  nowMs: number,
): string {
  const tokens = [...state.tokens].map(([client, { expiresAtMs, revoked }]) => {
    const seconds = Math.ceil((expiresAtMs - token.graceMs - nowMs) / 1000);
    return `${client} ${revoked ? 'revoked' : `${Math.max(0, seconds)} s`}`;
  });
  return [
    `${Math.round((nowMs - startedAtMs) / 1000)} s`.padStart(6),
    `jobs ${state.latencies.size}/${state.submitted.size}`,
    `window ${state.window.count(nowMs)}/${budget.limit} (max ${state.maxCallsInWindow})`,
    `tokens ${tokens.join(', ') || 'none'}`,
    `workers ${state.instances.get('worker') ?? 0}`,
    `401 ${state.rejected401}`,
    `403 ${state.wafBlocked}`,
  ].join('  ');
}

/** A line for an event that people want to see when it happens. */
function eventLine(event: RunEvent): string | undefined {
  if (event.kind === 'fault') return `     !  ${event.detail}`;
  if (event.kind === 'fault-over') return `     !  ${event.fault}: the cause is gone`;
  if (event.kind === 'recovered')
    return `     +  ${event.fault}: recovered after ${Math.round(event.afterMs)} ms`;
  return undefined;
}
