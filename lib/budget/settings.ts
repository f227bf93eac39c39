import type { BudgetStream } from '../contract.ts';
import { defaultsOf, milliseconds, type Schema } from '../platform/schema.ts';
import { isWafRuleName, WAF_RULES, type WafRuleName } from '../waf/is-waf-block.ts';

export type { WafRuleName } from '../waf/is-waf-block.ts';

/** A stream's tickets become valid at least `intervalMs` apart, and expire `ticketLifeMs` after that. */
export interface StreamSettings {
  /** From one ticket to the next: 170 are 5.9 calls per second in the long run. */
  readonly intervalMs: number;
  /** How late a ticket may be used, counted from the moment from which it is valid. */
  readonly ticketLifeMs: number;
  /** How old a ticket may be when it is taken, at most `ticketLifeMs`. */
  readonly burstMs: number;
  /**
   * How far ahead tickets are handed out: the length of the line; of the workers' stream half as much more for the minter. A
   * new (or deleted) counter hands out its first ticket for a moment past that, so that it never re-issues one that could be
   * alive.
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
  /** How long a request may take from the check at the wire to the WAF. */
  readonly networkDelayMs: number;
  /** How to tell the WAF's refusal from an answer of the API or of the authorization server. */
  readonly wafRule: WafRuleName;
  /** The stream of all functions that call the API. */
  readonly worker: StreamSettings;
  /** The stream of token and introspection requests, which are calls too. */
  readonly minter: StreamSettings;
}

/** What differs from the default settings. */
export interface BudgetOverrides extends Partial<Omit<BudgetSettings, BudgetStream>> {
  readonly worker?: Partial<StreamSettings>;
  readonly minter?: Partial<StreamSettings>;
}

export const BUDGET_SCHEMA = {
  name: {
    kind: 'text',
    matches: /^[A-Za-z0-9_.-]{1,64}$/,
    rule: '1 to 64 letters, digits and _.-',
    default: 'default',
  },
  limit: { kind: 'number', unit: 'calls', minimum: 1, maximum: 1_000_000_000, default: 2000 },
  windowMs: milliseconds(300_000),
  clockAllowanceMs: milliseconds(2_000, 0),
  networkDelayMs: milliseconds(3_000, 0),
  wafRule: {
    kind: 'text',
    matches: isWafRuleName,
    rule: Object.keys(WAF_RULES).join(' or '),
    default: 'not-json',
  },
  worker: {
    intervalMs: milliseconds(170),
    ticketLifeMs: milliseconds(15_000),
    burstMs: milliseconds(1_000, 0),
    horizonMs: milliseconds(20_000),
  },
  minter: {
    intervalMs: milliseconds(10_000),
    ticketLifeMs: milliseconds(100_000),
    burstMs: milliseconds(90_000, 0),
    horizonMs: milliseconds(10_000),
  },
} satisfies Schema<BudgetSettings>;

export const DEFAULT_BUDGET_SETTINGS = defaultsOf<BudgetSettings>(BUDGET_SCHEMA);

export function budgetSettings({ worker, minter, ...overrides }: BudgetOverrides): BudgetSettings {
  const defaults = DEFAULT_BUDGET_SETTINGS;
  return {
    ...defaults,
    ...overrides,
    worker: { ...defaults.worker, ...worker },
    minter: { ...defaults.minter, ...minter },
  };
}
