import type { MintBudget } from '../../lib/budget/mint-budget.ts';
import { parseCredentials } from '../../lib/credentials/credentials.ts';
import { isPlumeError } from '../../lib/errors.ts';
import { nextTry } from '../../lib/minter/failure-policy.ts';
import { createMintTickets } from '../../lib/minter/mint-ticket.ts';
import { requestServableToken } from '../../lib/minter/obtain-token.ts';
import type { Clock } from '../../lib/platform/clock.ts';
import type { BufferedTelemetry } from '../../lib/telemetry/telemetry.ts';
import { isServable } from '../../lib/token/access-token.ts';
import type { AskMinter } from '../../lib/token/ask-minter.ts';
import type { TokenSettings } from '../../lib/token/settings.ts';
import type { TokenStore } from '../../lib/token/token-store.ts';

export interface MemoryMinterDependencies {
  /** The client's secret, as it would be in Secrets Manager. */
  readonly secret: string;
  readonly store: TokenStore;
  readonly budget: MintBudget;
  readonly settings: TokenSettings;
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  readonly telemetry: BufferedTelemetry;
}

/** Mints as the minter does, without a schedule and without a lease: there is one process. */
export function createMemoryMinter(dependencies: MemoryMinterDependencies): AskMinter {
  const { secret, store, budget, settings, fetch, clock, telemetry } = dependencies;
  const { now } = clock;

  return async (client, rejected) => {
    const current = (await store.read(client))?.token;
    if (current && isServable(current, now(), settings) && current.fingerprint !== rejected)
      return { status: 'current', fingerprint: current.fingerprint };
    const sendByMs = now() + settings.requestTimeoutMs;
    try {
      const kind = rejected === undefined ? 'first' : 'forced';
      const tickets = createMintTickets({ client, budget, kind, now, sendByMs });
      const requests = { fetch, now, settings, telemetry, ...tickets };
      const token = await requestServableToken(parseCredentials(client, secret), requests);
      await store.replace(client, token, current?.fingerprint);
      return { status: 'minted', fingerprint: token.fingerprint };
    } catch (error) {
      if (!isPlumeError(error)) throw error;
      const { code } = error;
      const nowMs = now();
      const retryAfterMs = error.retryAtMs === undefined ? undefined : error.retryAtMs - nowMs;
      const failure = { code, count: 1, history: 'worked before', nowMs, retryAfterMs } as const;
      const { atMs: retryAtMs } = nextTry(failure, settings, Math.random());
      await store.noteFailure(client, { code, retryAtMs }, nowMs);
      return { status: 'failed', code, retryAtMs };
    }
  };
}
