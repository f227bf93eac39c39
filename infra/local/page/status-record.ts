import type { FunctionPool } from '../emulators/lambda/function-pool.ts';
import type { Deployment } from '../run/deployment.ts';
import type { BudgetView, PartnerView } from './view.ts';

/** Of the inspector's row of a client: README of the inspector has all fields. */
interface ClientRow {
  readonly client: string;
  readonly state: string;
  readonly secondsLeft: number | null;
  readonly mintedAt: string | null;
  readonly next: string | null;
  readonly nextAt: string | null;
  readonly error: string | null;
  readonly failures: number | null;
  readonly secret: string | null;
  readonly credentials: string | null;
  readonly forcedMints: number | null;
}

/** Of the operator function's `status`. */
interface BudgetStatus {
  readonly budget: string;
  readonly paused?: Given & { readonly minter: boolean };
  readonly slowed?: Given & { readonly share: number };
  readonly streams: readonly {
    readonly stream: string;
    readonly breaker: string;
    readonly nextInMs?: number;
  }[];
}

interface Given {
  readonly until: string;
  readonly reason: string;
  readonly by: string;
}

/** What an operator may order on the page: of the run's budget. */
export type PageOrder = 'pause' | 'slow' | 'resume' | 'lift';

/** What inspector and operator tell, as people would ask them, and orders to the latter. */
export interface StatusRecord {
  view(): { readonly partners: readonly PartnerView[]; readonly budget: BudgetView | undefined };
  /** @returns whether the order was carried out */
  order(verb: PageOrder): Promise<boolean>;
  /** Asks both, unless the last answers are young. */
  refresh(): void;
}

const EVERY_MS = 1_500;
const SLOW_SHARE = 0.25;
const BY = 'a viewer of this page';

/** @param orderMs how long a pause or a slow lasts, unless it is ended sooner */
export function createStatusRecord(
  { inspector, operator, outputs }: Pick<Deployment, 'inspector' | 'operator' | 'outputs'>,
  { startedAtMs, orderMs }: { readonly startedAtMs: number; readonly orderMs: number },
): StatusRecord {
  const name = outputs.outputs.Budgets ?? '';
  let partners: readonly PartnerView[] = [];
  let budget: BudgetView | undefined;
  let askedAtMs = Number.NEGATIVE_INFINITY;

  async function ask(): Promise<void> {
    askedAtMs = performance.now();
    const [rows, status] = await Promise.all([
      answerOf<readonly ClientRow[]>(inspector, {}),
      answerOf<{ readonly budgets: readonly BudgetStatus[] }>(operator, { status: [name] }),
    ]);
    if (rows !== undefined) partners = partnersOf(rows, startedAtMs);
    const [told] = status?.budgets ?? [];
    if (told !== undefined) budget = budgetOf(told, startedAtMs);
  }

  return {
    view: () => ({ partners, budget }),
    async order(verb) {
      const minutes = orderMs / 60_000;
      const reason = 'ordered on the page';
      const order = {
        pause: { pause: name, minutes, reason },
        slow: { slow: name, share: SLOW_SHARE, minutes, reason },
        resume: { resume: name },
        lift: { lift: name },
      }[verb];
      const isDone = (await answerOf(operator, { ...order, by: BY })) !== undefined;
      await ask();
      return isDone;
    },
    refresh() {
      if (performance.now() - askedAtMs >= EVERY_MS) void ask();
    },
  };
}

/** undefined: the function failed, for example because the table cannot be reached, or the run is over. */
async function answerOf<Answer>(pool: FunctionPool, event: object): Promise<Answer | undefined> {
  const result = await pool.invoke(JSON.stringify(event)).catch(() => undefined);
  return result?.ok ? JSON.parse(result.payload) : undefined;
}

/** @param rows the inspector's answer */
export function partnersOf(rows: unknown, startedAtMs: number): readonly PartnerView[] {
  if (!Array.isArray(rows)) return [];
  return (rows as readonly ClientRow[]).map((row) => ({
    client: row.client,
    state: row.state,
    leftSeconds: row.secondsLeft,
    mintedMs: momentOf(row.mintedAt, startedAtMs),
    next: row.next,
    nextMs: momentOf(row.nextAt, startedAtMs),
    error: row.error,
    failures: row.failures ?? 0,
    secret: row.secret,
    credentials: row.credentials,
    forcedMints: row.forcedMints ?? 0,
  }));
}

function momentOf(iso: string | null, startedAtMs: number): number | null {
  return iso === null ? null : Date.parse(iso) - startedAtMs;
}

function budgetOf({ budget, paused, slowed, streams }: BudgetStatus, startedAtMs: number): BudgetView {
  const orders = [
    ...(paused
      ? [{ ...paused, what: paused.minter ? 'all calls are paused' : 'the workers are paused' }]
      : []),
    ...(slowed ? [{ ...slowed, what: `the workers make ${slowed.share * 100} % of their calls` }] : []),
  ];
  return {
    name: budget,
    orders: orders.map(({ what, until, reason, by }) => ({
      what,
      untilMs: momentOf(until, startedAtMs) ?? 0,
      reason,
      by,
    })),
    streams: streams.map(({ stream, breaker, nextInMs = null }) => ({ stream, breaker, nextInMs })),
  };
}
