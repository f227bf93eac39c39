import * as v from 'valibot';

import { MAX_ORDER_MS } from '../../lib/budget/orders.ts';
import { ConfigError } from '../../lib/errors.ts';
import { CLIENT_NAME_RULE, isClientName } from '../../lib/platform/client-name.ts';

/** Who gives an order, and why: both go into the log and, for `pause` and `slow`, into the table. */
interface Given {
  /** The ARN that the command got from `sts:GetCallerIdentity`. Not proven: CloudTrail's event of the invocation is. */
  readonly by: string;
  readonly reason: string;
}

/** What an operator can order: one verb an event. */
export type Order = Given &
  (
    | {
        readonly verb: 'pause';
        readonly budget: string;
        readonly durationMs: number;
        readonly minter: boolean;
      }
    | { readonly verb: 'slow'; readonly budget: string; readonly durationMs: number; readonly share: number }
    | { readonly verb: 'resume' | 'lift' | 'heal'; readonly budget: string }
    | { readonly verb: 'mint' | 'forget'; readonly client: string }
    | { readonly verb: 'status'; readonly budgets: readonly string[] }
  );

const MAX_MINUTES = MAX_ORDER_MS / 60_000;

const budget = v.pipe(
  v.string('must be the name of a budget'),
  v.regex(/^[A-Za-z0-9_.-]{1,64}$/, 'must be the name of a budget: 1 to 64 letters, digits and _.-'),
);
const client = v.custom<string>(isClientName, `must be a client's name: ${CLIENT_NAME_RULE}`);
const text = (maximum: number) =>
  v.pipe(
    v.string('must be a string'),
    v.trim(),
    v.minLength(1, 'must not be empty'),
    v.maxLength(maximum, `must be at most ${maximum} characters long`),
  );
const minutes = v.pipe(
  v.number('must be a number of minutes'),
  v.gtValue(0, 'must be more than 0 minutes'),
  v.maxValue(MAX_MINUTES, `must be at most ${MAX_MINUTES} minutes, which is a week`),
);
const share = v.pipe(
  v.number('must be a share of the rate, above 0 and below 1'),
  v.minValue(0.01, 'must be at least 0.01 of the rate'),
  v.ltValue(1, 'must be below 1, which is the whole rate'),
);

const given = { by: v.optional(text(2_048), 'unknown'), reason: text(500) };
const optionalReason = { ...given, reason: v.optional(text(500)) };

const SCHEMAS = {
  pause: v.strictObject({
    pause: budget,
    minutes,
    minter: v.optional(v.boolean('must be true or false'), false),
    ...given,
  }),
  slow: v.strictObject({ slow: budget, share, minutes, ...given }),
  resume: v.strictObject({ resume: budget, ...optionalReason }),
  lift: v.strictObject({ lift: budget, ...optionalReason }),
  heal: v.strictObject({ heal: budget, ...optionalReason }),
  mint: v.strictObject({ mint: client, ...optionalReason }),
  forget: v.strictObject({ forget: client, ...optionalReason }),
  status: v.strictObject({
    status: v.union([v.literal(true), v.array(budget)], 'must be true or a list of budgets'),
    ...optionalReason,
  }),
} as const;

const VERBS = Object.keys(SCHEMAS) as (keyof typeof SCHEMAS)[];

/**
 * @param event such as `{ "pause": "default", "minutes": 30, "reason": "maintenance" }`
 * @param ownBudget the broker's own budget: what `{ "status": true }` is about
 * @throws {ConfigError} naming the key and the rule
 */
export function parseOrder(event: unknown, ownBudget: string): Order {
  const keys = typeof event === 'object' && event !== null ? Object.keys(event) : [];
  const [verb, ...others] = VERBS.filter((name) => keys.includes(name));
  if (verb === undefined || others.length > 0) {
    throw new ConfigError(`the event must be exactly one order, one of ${VERBS.join(', ')}`);
  }
  const result = v.safeParse(SCHEMAS[verb], event);
  if (!result.success) {
    const [issue] = result.issues;
    const key = v.getDotPath(issue) ?? verb;
    const rule =
      issue.expected === 'never'
        ? 'is not known'
        : issue.received === 'undefined'
          ? 'is missing'
          : issue.message;
    throw new ConfigError(`the order ${verb} was refused: its key ${key} ${rule}`);
  }
  const { by, reason = '', ...order } = result.output;
  const common = { by, reason };
  if ('pause' in order)
    return {
      ...common,
      verb: 'pause',
      budget: order.pause,
      durationMs: order.minutes * 60_000,
      minter: order.minter,
    };
  if ('slow' in order)
    return {
      ...common,
      verb: 'slow',
      budget: order.slow,
      durationMs: order.minutes * 60_000,
      share: order.share,
    };
  if ('resume' in order) return { ...common, verb: 'resume', budget: order.resume };
  if ('lift' in order) return { ...common, verb: 'lift', budget: order.lift };
  if ('heal' in order) return { ...common, verb: 'heal', budget: order.heal };
  if ('mint' in order) return { ...common, verb: 'mint', client: order.mint };
  if ('forget' in order) return { ...common, verb: 'forget', client: order.forget };
  return { ...common, verb: 'status', budgets: order.status === true ? [ownBudget] : order.status };
}
