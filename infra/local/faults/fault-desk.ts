import type { FaultName } from '../run/events.ts';
import { blockAddress } from './block-address.ts';
import { breakSecret } from './break-secret.ts';
import { doubleLoad } from './double-load.ts';
import type { Fault, FaultContext } from './fault.ts';
import { killInstance } from './kill-instance.ts';
import { removePartner } from './remove-partner.ts';
import { revokeToken } from './revoke-token.ts';
import { rotateSecret } from './rotate-secret.ts';
import { takeServerDown } from './take-server-down.ts';
import { takeTableAway } from './take-table-away.ts';

export const FAULTS: readonly Fault[] = [
  revokeToken,
  takeServerDown,
  breakSecret,
  rotateSecret,
  removePartner,
  blockAddress,
  killInstance,
  takeTableAway,
  doubleLoad,
];

/** Where faults are ordered, by the schedule of the run or on the page. */
export interface FaultDesk {
  /**
   * Resolves when the system has recovered, or when patience is over: the events tell which.
   *
   * @returns undefined if the fault is under way already, or none is taken any more
   */
  inject(name: FaultName): Promise<void> | undefined;
  /** Whether the fault would be taken now. */
  takes(name: FaultName): boolean;
  /** No fault is under way. */
  isIdle(): boolean;
  /** No further fault is taken. */
  close(): void;
}

export function createFaultDesk(context: FaultContext): FaultDesk {
  const underWay = new Set<FaultName>();
  let isClosed = false;

  const takes = (name: FaultName): boolean => !isClosed && !underWay.has(name);

  async function run({ name, inject }: Fault): Promise<void> {
    const { record } = context.events;
    // After a fault the system may rest as long as a block lasts, and then wait for a token and for its turn.
    const signal = AbortSignal.any([context.signal, AbortSignal.timeout(patienceMs(context))]);
    let sinceMs = performance.now();
    try {
      await inject(
        { ...context, signal },
        {
          begun(detail) {
            sinceMs = performance.now();
            record({ kind: 'fault', fault: name, detail });
          },
          over() {
            sinceMs = performance.now();
            record({ kind: 'fault-over', fault: name });
          },
        },
      );
      record({ kind: 'recovered', fault: name, afterMs: performance.now() - sinceMs });
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      underWay.delete(name);
    }
  }

  return {
    inject(name) {
      const fault = FAULTS.find((candidate) => candidate.name === name);
      if (fault === undefined || !takes(name)) return undefined;
      underWay.add(name);
      return run(fault);
    },
    takes,
    isIdle: () => underWay.size === 0,
    close() {
      isClosed = true;
    },
  };
}

/** However short the times of a profile are. */
const SLOWEST_MACHINE_MS = 180_000;

function patienceMs({ profile: { budget, clients } }: FaultContext): number {
  const longestLifeMs = 1000 * Math.max(...clients.map(({ lifetimeSeconds }) => lifetimeSeconds));
  return Math.max(SLOWEST_MACHINE_MS, 2 * (2 * budget.windowMs + longestLifeMs));
}
