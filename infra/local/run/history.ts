import type { FaultName, RunEvent } from './events.ts';

/** Checks what happened, in what order, against what the broker promises. Add every event as it comes. */
export interface History {
  add(event: RunEvent): void;
  /** Requests by which tickets were granted. */
  grants(): number;
  /** What is wrong, in words; empty if nothing is. */
  errors(): readonly string[];
}

interface Grant {
  readonly fromMs: number;
  readonly toMs: number;
  readonly sentAtMs: number;
  readonly answeredAtMs: number;
}

interface Issued {
  readonly fingerprint: string;
  readonly atMs: number;
  readonly lifeMs: number;
  /** Something has happened since that another token may be needed for. */
  isDoubtful: boolean;
}

/** No token is renewed before so much of its life is over. */
const EARLIEST_RENEWAL = 0.35;

/**
 * - Tickets: the spans that one counter has granted are disjoint, and who asked after another was answered has later ones.
 * - Mints: a client gets another token only if there was none, the last one was refused, revoked, lost on its way or about to
 *   end, or a secret, an order or a part that is away may have made it useless.
 * - No call carries an expired token.
 */
export function createHistory(): History {
  const counters = new Map<string, Grant[]>();
  const tokens = new Map<string, Issued>();
  const errors: string[] = [];
  /** From its order until the run has recovered: a rotation makes tokens useless some time after it. */
  const faults = new Set<FaultName>();

  function doubt(isMeant: (client: string, token: Issued) => boolean = () => true): void {
    for (const [client, token] of tokens) if (isMeant(client, token)) token.isDoubtful = true;
  }

  return {
    add(event) {
      switch (event.kind) {
        case 'tickets-granted': {
          const { counter, fromMs, toMs, atMs, durationMs } = event;
          const grants = counters.get(counter) ?? [];
          counters.set(counter, grants);
          grants.push({ fromMs, toMs, sentAtMs: atMs - durationMs, answeredAtMs: atMs });
          break;
        }
        case 'token-issued': {
          const { client, fingerprint, atMs, expiresAtMs } = event;
          const before = tokens.get(client);
          const lifeMs = expiresAtMs - event.issuedAtMs;
          tokens.set(client, { fingerprint, atMs, lifeMs, isDoubtful: faults.size > 0 });
          if (
            before &&
            !before.isDoubtful &&
            faults.size === 0 &&
            atMs < before.atMs + EARLIEST_RENEWAL * before.lifeMs
          )
            errors.push(
              `client ${client} got a token ${Math.round(atMs - before.atMs)} ms after another, without need`,
            );
          break;
        }
        case 'token-revoked':
          doubt((_, { fingerprint }) => fingerprint === event.fingerprint);
          break;
        case 'answer':
          if (event.endpoint === 'api' && event.refusal === 'expired')
            errors.push(`a call of client ${event.client ?? 'unknown'} carried an expired token`);
          if (event.endpoint === 'api' && event.refusal !== undefined)
            doubt((_, { fingerprint }) => fingerprint === event.fingerprint);
          if (event.endpoint === 'token' && event.status !== 200) doubt((client) => client === event.client);
          break;
        case 'table-request':
          if (event.status === 0) doubt();
          break;
        case 'instance-stopped':
          if (event.name === 'minter') doubt();
          break;
        case 'invocation-started':
          if (event.name === 'operator') doubt();
          break;
        case 'fault':
          faults.add(event.fault);
          break;
        case 'recovered':
          faults.delete(event.fault);
          doubt();
          break;
      }
    },
    grants: () => [...counters.values()].reduce((sum, { length }) => sum + length, 0),
    errors: () => [...errors, ...[...counters].flatMap(([counter, grants]) => errorsOf(counter, grants))],
  };
}

function errorsOf(counter: string, grants: readonly Grant[]): readonly string[] {
  const errors: string[] = [];
  let before: Grant | undefined;
  let lastSentAtMs = Number.NEGATIVE_INFINITY;
  for (const grant of grants.toSorted((one, other) => one.fromMs - other.fromMs)) {
    if (before && grant.fromMs < before.toMs)
      errors.push(
        `${counter} granted the tickets from ${grant.fromMs} to ${Math.min(grant.toMs, before.toMs)} twice`,
      );
    if (grant.answeredAtMs < lastSentAtMs)
      errors.push(
        `${counter} granted earlier tickets to a request that was sent after the one for ${grant.fromMs} was answered`,
      );
    lastSentAtMs = Math.max(lastSentAtMs, grant.sentAtMs);
    before = grant;
  }
  return errors;
}
