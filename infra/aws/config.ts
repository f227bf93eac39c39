import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import * as v from 'valibot';

import { DEFAULT_BUDGET_SETTINGS } from '../../lib/budget/settings.ts';
import { DEFAULT_TOKEN_SETTINGS } from '../../lib/token/settings.ts';
import { checkApiUrl, checkClientName } from './checks.ts';
import type { BudgetOptions, TokenOptions } from './token-broker-props.ts';

/** One stage of the context key `stages` in cdk.json, checked. README documents the keys. */
export interface Stage {
  readonly name: string;
  /** Plume's API: an https URL without a path. */
  readonly apiUrl: string;
  /** The M2M client of the reference worker. */
  readonly client: string;
  readonly secretPrefix?: string | undefined;
  readonly tickMinutes?: number | undefined;
  readonly token?: TokenOptions | undefined;
  readonly budget?: BudgetOptions | undefined;
  readonly logRetentionDays?: RetentionDays | undefined;
  /** An SNS topic that is told of alarms. */
  readonly alarmTopicArn?: string | undefined;
  /** Availability zones with a fixed egress address each; 0: no VPC. */
  readonly zones?: number | undefined;
  /** The same zones by name, in the place of their number. */
  readonly availabilityZones?: readonly string[] | undefined;
  /** Executions that the account keeps free for the minter. */
  readonly minterReservedConcurrency?: number | undefined;
}

const ZONES_RULE =
  'one or two different availability zones by name, such as ["eu-central-1a", "eu-central-1c"]';

const TOPIC_ARN_RULE = 'the ARN of an SNS topic, such as arn:aws:sns:eu-central-1:123456789012:alarms';

const whole = (minimum: number, maximum: number, unit: string) => {
  const rule = `a whole number of ${unit} from ${minimum} to ${maximum}`;
  return v.pipe(v.number(rule), v.integer(rule), v.minValue(minimum, rule), v.maxValue(maximum, rule));
};

const passes = (check: (text: string) => unknown) => (text: string) => {
  try {
    check(text);
    return true;
  } catch {
    return false;
  }
};

/** A part of the settings that the functions take: known keys, whole numbers. What they mean together is checked later. */
const overrides = (defaults: object, extra: v.ObjectEntries = {}) =>
  v.strictObject({
    ...Object.fromEntries(
      Object.entries(defaults)
        .filter(([, value]) => typeof value === 'number')
        .map(([key]) => [
          key,
          v.exactOptional(whole(0, 31 * 86_400_000, key === 'limit' ? 'calls' : 'milliseconds')),
        ]),
    ),
    ...extra,
  });

const { tickMs: _, ...tokenDefaults } = DEFAULT_TOKEN_SETTINGS;
const retentionDays = Object.values(RetentionDays).filter((days) => typeof days === 'number');

const REQUIRED: Readonly<Record<string, string>> = {
  apiUrl: 'an https URL without a path',
  client: 'the name of an M2M client, such as mocha',
};

const schema = v.strictObject({
  apiUrl: v.pipe(v.string(REQUIRED.apiUrl), v.check(passes(checkApiUrl), REQUIRED.apiUrl)),
  client: v.pipe(
    v.string(REQUIRED.client),
    v.check(passes(checkClientName), '1 to 128 letters, digits and _+=.@-, such as mocha'),
  ),
  secretPrefix: v.exactOptional(v.string('the beginning of secret names, such as plume/m2m')),
  tickMinutes: v.exactOptional(whole(1, 60, 'minutes')),
  token: v.exactOptional(
    overrides(tokenDefaults, {
      introspectEveryMs: v.exactOptional(whole(1, 31 * 86_400_000, 'milliseconds')),
    }),
  ),
  budget: v.exactOptional(
    overrides(DEFAULT_BUDGET_SETTINGS, {
      name: v.exactOptional(v.string('the name of a budget, such as default')),
      worker: v.exactOptional(overrides(DEFAULT_BUDGET_SETTINGS.worker)),
      minter: v.exactOptional(overrides(DEFAULT_BUDGET_SETTINGS.minter)),
    }),
  ),
  logRetentionDays: v.exactOptional(
    v.picklist(
      retentionDays,
      `a retention that CloudWatch Logs knows: ${retentionDays.slice(0, -1).join(', ')} days`,
    ),
  ),
  alarmTopicArn: v.exactOptional(
    v.pipe(
      v.string(TOPIC_ARN_RULE),
      v.regex(/^arn:[a-z-]+:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}$/, TOPIC_ARN_RULE),
    ),
  ),
  zones: v.exactOptional(whole(0, 2, 'availability zones')),
  availabilityZones: v.exactOptional(
    v.pipe(
      v.array(v.pipe(v.string(ZONES_RULE), v.regex(/^[a-z]{2}(-[a-z]+)+-\d[a-z]$/, ZONES_RULE)), ZONES_RULE),
      v.check((names) => [1, 2].includes(names.length) && new Set(names).size === names.length, ZONES_RULE),
    ),
  ),
  minterReservedConcurrency: v.exactOptional(whole(1, 1000, 'executions')),
});

const stageSchema = v.pipe(
  schema,
  v.check(
    ({ zones, availabilityZones }) => zones === undefined || availabilityZones === undefined,
    'a stage with either zones or availabilityZones',
  ),
);

/**
 * @param stages the context key `stages`: an object of stages by name
 * @param name the context key `stage`
 * @throws {Error} naming the key, the value, and what would be right
 */
export function readStage(stages: unknown, name: unknown): Stage {
  const known = typeof stages === 'object' && stages !== null ? Object.entries(stages) : [];
  const found = known.find(([key]) => key === name);
  if (typeof name !== 'string' || found === undefined) {
    throw new Error(
      `stage is ${JSON.stringify(name)}; it must be one of the stages in cdk.json: ${known.map(([key]) => key).join(', ') || 'there are none'}`,
    );
  }
  if (!/^[A-Za-z][A-Za-z0-9-]{0,63}$/.test(name)) {
    throw new Error(
      `stage is ${JSON.stringify(name)}; it must be letters, digits and -, beginning with a letter`,
    );
  }
  const result = v.safeParse(stageSchema, found[1]);
  if (result.success) return { ...result.output, name };
  throw new Error(`cdk.json: ${result.issues.map((issue) => sentenceOf(issue, name)).join('; ')}`);
}

function sentenceOf(issue: v.BaseIssue<unknown>, name: string): string {
  const path = v.getDotPath(issue);
  const key = ['stages', name, ...(path === null ? [] : [path])].join('.');
  if (issue.expected === 'never') return `${key} is no known key`;
  if (issue.received === 'undefined')
    return `${key} is missing; it must be ${REQUIRED[path ?? ''] ?? issue.message}`;
  return `${key} is ${JSON.stringify(issue.input)}; it must be ${ruleOf(issue)}`;
}

function ruleOf({ message, kind, type }: v.BaseIssue<unknown>): string {
  return kind === 'schema' && type === 'strict_object' ? 'an object' : message;
}
