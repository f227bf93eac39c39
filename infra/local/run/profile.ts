import { type BudgetSettings, DEFAULT_BUDGET_SETTINGS } from '../../../lib/budget/settings.ts';
import { DEFAULT_TOKEN_SETTINGS, type TokenSettings } from '../../../lib/token/settings.ts';

/** The numbers of a run. */
export interface Profile {
  /** Its name on the page and in the report. */
  readonly name: string;
  readonly budget: BudgetSettings;
  readonly token: TokenSettings;
  /** The worker uses the first; only the minter keeps the others fresh. */
  readonly clients: readonly { readonly name: string; readonly lifetimeSeconds: number }[];
  readonly worker: {
    readonly timeoutMs: number;
    readonly batchSize: number;
    /** Longer than the time-out: until then a message whose worker died is not seen again. */
    readonly visibilitySeconds: number;
  };
  /** How long the API takes for an answer. */
  readonly apiLatencyMs: number;
}

/**
 * The vendor's arithmetic with a window of 20 seconds. The bound is 431 calls of the workers and 25 of the minter,
 * the limit is just above their sum, and the workers' rate alone puts 400 calls into a window.
 */
export const SCALED_PROFILE: Profile = {
  name: 'scaled down',
  budget: {
    name: 'local',
    limit: 460,
    windowMs: 20_000,
    clockAllowanceMs: 100,
    networkDelayMs: 300,
    wafRule: 'not-json',
    worker: { intervalMs: 50, ticketLifeMs: 1_000, burstMs: 200, horizonMs: 2_000 },
    minter: { intervalMs: 1_000, ticketLifeMs: 4_000, burstMs: 3_000, horizonMs: 1_000 },
  },
  token: {
    graceMs: 1_000,
    tickMs: 2_000,
    defaultLifetimeMs: 12_000,
    forcedMintFloorMs: 2_000,
    youngTokenMs: 300,
    requestTimeoutMs: 1_000,
    backoffBaseMs: 200,
    backoffMaxMs: 2_000,
  },
  clients: [
    { name: 'mocha', lifetimeSeconds: 12 },
    { name: 'latte', lifetimeSeconds: 16 },
  ],
  worker: { timeoutMs: 8_000, batchSize: 5, visibilitySeconds: 9 },
  apiLatencyMs: 40,
};

/** The vendor's limits as they are. Tokens still live for a minute at most, so that a short run sees them renewed. */
export const VENDOR_PROFILE: Profile = {
  name: "the vendor's limits",
  budget: { ...DEFAULT_BUDGET_SETTINGS, name: 'local' },
  token: { ...DEFAULT_TOKEN_SETTINGS, graceMs: 3_000, tickMs: 5_000, defaultLifetimeMs: 60_000 },
  clients: [
    { name: 'mocha', lifetimeSeconds: 60 },
    { name: 'latte', lifetimeSeconds: 45 },
  ],
  // Longer than the line of tickets: a worker that cannot wait that long postpones its jobs again and again.
  worker: { timeoutMs: 40_000, batchSize: 10, visibilitySeconds: 42 },
  apiLatencyMs: 40,
};
