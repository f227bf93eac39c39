import { createCallBudget } from '../../lib/budget/call-budget.ts';
import { createDynamoTicketCounter } from '../../lib/budget/dynamo-ticket-counter.ts';
import { systemClock } from '../../lib/clock.ts';
import { type BudgetSettings, DEFAULT_TOKEN_SETTINGS } from '../../lib/contract.ts';
import { createPlumeCaller, type PlumeCaller, type PlumeDependencies } from '../../lib/plume/plume-caller.ts';
import type { BufferedTelemetry } from '../../lib/telemetry/telemetry.ts';
import { accessToken } from '../../lib/token/access-token.ts';
import { createMintRequests } from '../../lib/token/mint-requests.ts';
import { createTokenReader } from '../../lib/token/read-token.ts';
import { createTokenStore } from '../../lib/token/token-store.ts';
import { startTable } from './dynamodb.ts';

/** A table with a token of client `mocha` and a budget in which nobody waits, and what calls an API with them. */
export interface Broker {
  caller(overrides?: Partial<PlumeDependencies>): PlumeCaller;
  /** How many writes reserved tickets, how many tickets they reserved, and how often metrics were flushed. */
  readonly seen: { reservations: number; tickets: number; flushes: number; logged: unknown[] };
  stop(): Promise<void>;
}

const stream = { intervalMs: 1, ticketLifeMs: 60_000, burstMs: 1_000, horizonMs: 50 };
const settings: BudgetSettings = {
  name: 'test',
  limit: 1_000_000,
  windowMs: 10_000,
  clockAllowanceMs: 0,
  networkDelayMs: 100,
  blockMs: 60_000,
  worker: stream,
  minter: stream,
};

/** @param mint a new token's value */
export async function startBroker(apiUrl: string, mint: () => Promise<string>): Promise<Broker> {
  const table = await startTable();
  const store = createTokenStore(table);
  const seen = { reservations: 0, tickets: 0, flushes: 0, logged: [] as unknown[] };
  const telemetry: BufferedTelemetry = {
    metric(name, value) {
      if (name !== 'TicketsGranted') return;
      seen.reservations += 1;
      seen.tickets += value;
    },
    log: (...line) => seen.logged.push(line),
    flush: () => {
      seen.flushes += 1;
    },
  };
  const replaceToken = async (): Promise<string> => {
    const current = (await store.read('mocha'))?.token;
    const token = accessToken(await mint(), Date.now(), Date.now() + 600_000);
    await store.replace('mocha', token, current?.fingerprint);
    return token.fingerprint;
  };
  await replaceToken();

  return {
    seen,
    caller: (overrides) =>
      createPlumeCaller({
        apiUrl: new URL(apiUrl),
        tokens: createTokenReader({
          store,
          requests: createMintRequests(table),
          askMinter: async () => ({ status: 'minted', fingerprint: await replaceToken() }),
          settings: { ...DEFAULT_TOKEN_SETTINGS, youngTokenMs: 0 },
          clock: systemClock,
          telemetry,
          random: Math.random,
        }),
        budget: createCallBudget({
          settings,
          stream: 'worker',
          counter: createDynamoTicketCounter({ ...table, settings }),
          clock: systemClock,
          telemetry,
        }),
        fetch,
        clock: systemClock,
        telemetry,
        timeoutMs: 2_000,
        ...overrides,
      }),
    stop: () => table.stop(),
  };
}
