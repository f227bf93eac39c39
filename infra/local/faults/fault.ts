import type { Deployment } from '../run/deployment.ts';
import type { EventLog, FaultName, RunEvent } from '../run/events.ts';
import type { Profile } from '../run/profile.ts';

/** What faults may touch, and what tells them that the system has recovered. */
export interface FaultContext {
  readonly events: EventLog;
  readonly deployment: Pick<Deployment, 'cloud' | 'table' | 'secrets' | 'worker' | 'operator'>;
  readonly profile: Profile;
  readonly load: Load;
  /** The job has its result. */
  readonly isDone: (job: string) => boolean;
  /** Jobs that were submitted and have no result yet. */
  readonly openJobs: () => readonly string[];
  readonly signal: AbortSignal;
}

/** How much work comes in, as a multiple of the usual. */
export interface Load {
  factor: number;
}

/** Told by a fault as it goes on. */
export interface FaultProgress {
  begun(detail: string): void;
  /** The cause is gone; the system has yet to recover. Not called for an instantaneous fault. */
  over(): void;
}

export interface Fault {
  readonly name: FaultName;
  /** The label of its button, as an imperative. */
  readonly label: string;
  /** Its cause is gone as soon as it is there. */
  readonly isMoment?: true;
  /** What one sees of it. */
  readonly effect: string;
  /**
   * Makes it happen, removes its cause, and resolves when the system has recovered.
   *
   * @throws the signal's reason; the cause is gone then too
   */
  inject(context: FaultContext, progress: FaultProgress): Promise<void>;
}

/** Resolves with the first event from now on that matches. @throws the signal's reason */
export function nextEvent<Kind extends RunEvent = RunEvent>(
  { events, signal }: Pick<FaultContext, 'events' | 'signal'>,
  matches: ((event: RunEvent) => event is Kind) | ((event: RunEvent) => boolean),
): Promise<Kind> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      unsubscribe();
      signal.removeEventListener('abort', abort);
    };
    const abort = (): void => {
      end();
      reject(signal.reason);
    };
    const unsubscribe = events.subscribe((event) => {
      if (!matches(event)) return;
      end();
      resolve(event as Kind);
    });
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort);
  });
}

/** A call of the API that was answered well. */
export function isAccepted(event: RunEvent): event is Extract<RunEvent, { kind: 'answer' }> {
  return event.kind === 'answer' && event.endpoint === 'api' && event.status === 200;
}

/** The clients by what they are here for. */
export function clientsOf({ clients }: Profile): { readonly worker: string; readonly other: string } {
  const [worker, other] = clients;
  if (worker === undefined || other === undefined) throw new Error('a profile has two clients');
  return { worker: worker.name, other: other.name };
}
