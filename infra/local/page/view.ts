import type { AlarmState } from '../emulators/cloudwatch/alarm.ts';
import type { LogTable } from '../emulators/cloudwatch/log-query.ts';
import type { FaultName } from '../run/events.ts';

/**
 * Everything the page shows at one moment: a page that is opened late needs only the latest view. It
 * holds names, numbers and fingerprints, never a secret or a token. Times are ms since the run began.
 */
export interface View {
  readonly nowMs: number;
  readonly run: RunView;
  /** No call to the API has been made yet. */
  readonly isSilent: boolean;
  /** The figures of the run so far, or of the report when the run is over. */
  readonly figures: readonly (readonly [name: string, text: string])[];
  readonly window: WindowView;
  readonly tokens: readonly TokenLife[];
  readonly partners: readonly PartnerView[];
  /** undefined: not asked yet. */
  readonly budget?: BudgetView | undefined;
  readonly faults: readonly FaultView[];
  readonly marks: readonly FaultMark[];
  readonly alarms: readonly AlarmView[];
  readonly widgets: readonly WidgetView[];
  /** Set when the run is over: why it must not count as a success, if it must not. */
  readonly result?: { readonly failures: readonly string[] };
}

/** What does not change while the run lasts. */
export interface RunView {
  readonly profile: string;
  /** For how long work comes in. */
  readonly durationMs: number;
  /** How long a new counter is silent before its first ticket. */
  readonly firstSilenceMs: number;
  /** How long a minute of CloudWatch lasts here. */
  readonly cloudWatchMinuteMs: number;
}

/** The calls in the window that ends at each moment, as the WAF counts them. */
export interface WindowView {
  readonly limit: number;
  readonly windowMs: number;
  readonly addresses: readonly {
    readonly address: string;
    readonly atMs: readonly number[];
    readonly calls: readonly number[];
  }[];
}

export interface TokenLife {
  readonly client: string;
  readonly fingerprint: string;
  readonly mintedMs: number;
  /** No one serves it after that. */
  readonly servableUntilMs: number;
  readonly expiresMs: number;
  /** The last call that the API accepted with it. */
  readonly usedUntilMs?: number;
  readonly revokedMs?: number;
  /** The first call that the API refused for it. */
  readonly rejectedMs?: number;
}

/** What the inspector tells of a client. */
export interface PartnerView {
  readonly client: string;
  readonly state: string;
  readonly leftSeconds: number | null;
  readonly mintedMs: number | null;
  /** What the minter does next. */
  readonly next: string | null;
  readonly nextMs: number | null;
  /** The code with which the last mint failed. */
  readonly error: string | null;
  readonly failures: number;
  readonly secret: string | null;
  readonly credentials: string | null;
  readonly forcedMints: number;
}

/** What the operator function tells of the budget. */
export interface BudgetView {
  readonly name: string;
  readonly orders: readonly {
    readonly what: string;
    readonly untilMs: number;
    readonly reason: string;
    readonly by: string;
  }[];
  readonly streams: readonly {
    readonly stream: string;
    readonly breaker: string;
    /** How far ahead the next free ticket becomes valid; negative: so many are kept for later. */
    readonly nextInMs: number | null;
  }[];
}

/** A fault that can be ordered. */
export interface FaultView {
  readonly name: FaultName;
  readonly label: string;
  readonly effect: string;
  /** False: it is under way, or the run is ending. */
  readonly isAvailable: boolean;
}

/** A fault that happened. */
export interface FaultMark {
  readonly fault: FaultName;
  readonly detail: string;
  readonly atMs: number;
  readonly overMs?: number;
  readonly recoveredMs?: number;
  readonly recoveredAfterMs?: number;
}

export interface AlarmView {
  readonly name: string;
  readonly description: string;
  readonly state: AlarmState;
  /** Each time that it was raised; without an end it still is. */
  readonly raised: readonly { readonly fromMs: number; readonly toMs?: number }[];
}

export type WidgetView =
  | { readonly kind: 'heading'; readonly text: string }
  | { readonly kind: 'alarms'; readonly title: string }
  | ({ readonly kind: 'logs'; readonly title: string } & LogTable)
  | GraphView;

export interface GraphView {
  readonly kind: 'graph';
  readonly title: string;
  /** The begin of each period. */
  readonly atMs: readonly number[];
  /** null: there is no data point. */
  readonly lines: readonly { readonly label: string; readonly values: readonly (number | null)[] }[];
  readonly levels: readonly { readonly value: number; readonly label: string }[];
}
