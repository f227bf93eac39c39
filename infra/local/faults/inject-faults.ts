import { setTimeout as sleep } from 'node:timers/promises';

import type { FaultName } from '../run/events.ts';
import type { FaultDesk } from './fault-desk.ts';

/** The faults of every run, at shares of its length. */
const MOMENTS: Readonly<Partial<Record<FaultName, number>>> = {
  'token-revoked': 0.2,
  'instance-killed': 0.35,
  'authorization-server-down': 0.5,
};

/** Orders each fault at its moment. Resolves when the system has recovered from all of them. @throws the signal's reason */
export async function injectFaults(desk: FaultDesk, durationMs: number, signal: AbortSignal): Promise<void> {
  await Promise.all(
    Object.entries(MOMENTS).map(async ([name, share]) => {
      await sleep(share * durationMs, undefined, { signal });
      await desk.inject(name as FaultName);
    }),
  );
}
