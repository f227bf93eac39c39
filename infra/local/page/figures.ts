import type { RunState } from '../run/run-state.ts';
import type { View } from './view.ts';

/** The figures of a run under way. */
export function figuresOf(state: RunState): View['figures'] {
  return [
    ['jobs', `${state.latencies.size} of ${state.submitted.size} done`],
    ['API calls', String(state.apiCalls)],
    ['tokens', `${state.mints} minted, ${state.expiredTokensSent} sent expired`],
    ['401', `${state.rejected401} answered, ${state.metrics.get('TokenRecovered') ?? 0} calls recovered`],
    ['window', `at most ${state.maxCallsInWindow} calls`],
    ['firewall', `${state.wafBlocked} calls refused`],
    ['instances', `${state.instances.get('worker') ?? 0} of the worker`],
  ];
}
