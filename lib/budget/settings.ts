/** A stream's tickets become valid at least `intervalMs` apart, and expire `ticketLifeMs` after that. */
export interface StreamSettings {
  /** From one ticket to the next: 170 are 5.9 calls per second in the long run. */
  readonly intervalMs: number;
  /** How late a ticket may be used, counted from the moment from which it is valid. */
  readonly ticketLifeMs: number;
  /** How old a ticket may be when it is taken, at most `ticketLifeMs`. */
  readonly burstMs: number;
  /**
   * How far ahead tickets are handed out: the length of the line. A new (or deleted) counter hands out its
   * first ticket for a moment this far away, so that it never re-issues one that could be alive.
   */
  readonly horizonMs: number;
}

/** The calls that one egress address may make. Milliseconds throughout. */
export interface BudgetSettings {
  /** One budget per egress address. */
  readonly name: string;
  /** The calls that the WAF allows in any `windowMs` (vendor document: 2000 in five minutes). */
  readonly limit: number;
  /** The length of the WAF's rolling window. */
  readonly windowMs: number;
  /** How far a caller's clock may be off after correction. */
  readonly clockAllowanceMs: number;
  /** How long a call may take from the caller's check to the WAF. */
  readonly networkDelayMs: number;
  /** How long everyone stays silent after the WAF has refused a call. */
  readonly blockMs: number;
  /** The stream of all functions that call the API. */
  readonly worker: StreamSettings;
  /** The stream of token and introspection requests, which are calls too. */
  readonly minter: StreamSettings;
}

export const DEFAULT_BUDGET_SETTINGS: BudgetSettings = {
  name: 'default',
  limit: 2000,
  windowMs: 300_000,
  clockAllowanceMs: 2_000,
  networkDelayMs: 3_000,
  blockMs: 360_000,
  worker: { intervalMs: 170, ticketLifeMs: 15_000, burstMs: 1_000, horizonMs: 20_000 },
  minter: { intervalMs: 10_000, ticketLifeMs: 50_000, burstMs: 40_000, horizonMs: 10_000 },
};
