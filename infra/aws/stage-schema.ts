import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import * as v from 'valibot';

import { BUDGET_SCHEMA, type BudgetOverrides } from '../../lib/budget/settings.ts';
import { type MetricChoice, PRIORITIES, type Priority } from '../../lib/contract.ts';
import {
  CLIENT_NAME_RULE,
  isClientName,
  isSecretPrefix,
  SECRET_PREFIX_RULE,
} from '../../lib/platform/client-name.ts';
import { type AnySchema, isRule, type Text, type WholeNumber } from '../../lib/platform/schema.ts';
import { TOKEN_SCHEMA, type TokenSettings } from '../../lib/token/settings.ts';
import type { TableEncryption } from './broker-table.ts';
import { HTTPS_API_RULE, isHttpsApi } from './checks.ts';

/** One stage of `infra/stages.json`. */
export interface Stage {
  /** Its key in the file. */
  readonly name: string;
  /** Plume's API: an https URL without a path. */
  readonly apiUrl: string;
  /** The M2M client of the reference worker: that of jobs which name none. */
  readonly client: string;
  /** Other clients that jobs of the reference worker may name. */
  readonly clients?: readonly string[];
  /** Queues that take the results of jobs which name them. */
  readonly resultQueues?: readonly string[];
  /** Whether the reference worker logs a line for each job that is done; for others it always does. */
  readonly logJobs?: boolean;
  /** Of the reference worker's calls, beside those of other functions. */
  readonly jobPriority?: Priority;
  /** The M2M clients that have a caller function. */
  readonly callers?: readonly string[];
  /** The account to deploy to. Absent: that of the shell's credentials. */
  readonly account?: string;
  /** The region to deploy to. Absent: that of the shell. */
  readonly region?: string;
  /** Clients' secrets are named `<prefix>/<client>`. Stages in one account and region need different ones. */
  readonly secretPrefix?: string;
  /** How often the minter looks for tokens to renew. */
  readonly tickMinutes?: number;
  /** What differs from the default life of tokens. */
  readonly tokenLife?: Partial<Omit<TokenSettings, 'tickMs'>>;
  /** What differs from the default call budget. */
  readonly budget?: BudgetOverrides;
  /** How long CloudWatch keeps logs. */
  readonly logRetentionDays?: RetentionDays;
  /** An SNS topic of the same region that receives the alarms' notifications. Absent: a topic of the stack. */
  readonly alarmTopicArn?: string;
  /** Availability zones with a fixed egress address each; 0: no VPC. */
  readonly zones?: number;
  /** The same zones by name, in the place of their number. */
  readonly availabilityZones?: readonly string[];
  /** Executions that the account keeps free for the minter. */
  readonly minterReservedConcurrency?: number;
  /** Whose key encrypts the table: one of the account, or one that AWS owns, which costs nothing. */
  readonly encryption?: TableEncryption;
  /** Which measurements are metrics of CloudWatch: those that an alarm reads, or all. */
  readonly metrics?: MetricChoice;
  /** X-Ray traces the invocations of the worker, too. */
  readonly workerTraces?: boolean;
  /** Neither the stack nor its table can be deleted until this is switched off and deployed. */
  readonly deletionProtection?: boolean;
}

const whole = (minimum: number, maximum: number, unit: string) => {
  const rule = `a whole number of ${unit} from ${minimum} to ${maximum}`;
  return v.pipe(v.number(rule), v.integer(rule), v.minValue(minimum, rule), v.maxValue(maximum, rule));
};

const text = (rule: string, matches: RegExp | ((text: string) => boolean)) =>
  v.pipe(v.string(rule), matches instanceof RegExp ? v.regex(matches, rule) : v.check(matches, rule));

const OBJECT_RULE = 'an object';

/** What may differ from the defaults of settings: known keys within their limits. What they mean together is checked later. */
function overridesOf(schema: AnySchema): v.GenericSchema<object> {
  const entries = Object.entries(schema).map(([key, rule]) => [
    key,
    v.exactOptional(isRule(rule) ? schemaOf(rule) : overridesOf(rule)),
  ]);
  return v.strictObject(Object.fromEntries(entries), OBJECT_RULE);
}

function schemaOf(rule: WholeNumber | Text): v.GenericSchema {
  return rule.kind === 'text' ? text(rule.rule, rule.matches) : whole(rule.minimum, rule.maximum, rule.unit);
}

const { tickMs: _, ...tokenSchema } = TOKEN_SCHEMA;
const retentionDays = Object.values(RetentionDays).filter((days) => typeof days === 'number');
const ZONES_RULE =
  'one or two different availability zones by name, such as ["eu-central-1a", "eu-central-1c"]';

const CLIENTS_RULE = 'a list of different clients, such as ["latte"]';
const QUEUES_RULE =
  'a list of different names, each of up to 32 small letters and digits, such as ["billing"]';

const listOf = (item: v.GenericSchema<unknown, string>, rule: string) =>
  v.pipe(
    v.array(item, rule),
    v.check((items) => new Set(items).size === items.length, rule),
  );

/** Of the keys that every stage has. */
const REQUIRED = {
  apiUrl: HTTPS_API_RULE,
  client: `the name of an M2M client: ${CLIENT_NAME_RULE}`,
};

const stageSchema = v.pipe(
  v.strictObject(
    {
      apiUrl: text(REQUIRED.apiUrl, isHttpsApi),
      client: text(REQUIRED.client, isClientName),
      clients: v.exactOptional(listOf(text(REQUIRED.client, isClientName), CLIENTS_RULE)),
      resultQueues: v.exactOptional(listOf(text(QUEUES_RULE, /^[a-z][a-z0-9]{0,31}$/), QUEUES_RULE)),
      logJobs: v.exactOptional(v.boolean('true or false')),
      jobPriority: v.exactOptional(v.picklist(PRIORITIES, 'normal or low')),
      callers: v.exactOptional(listOf(text(REQUIRED.client, isClientName), CLIENTS_RULE)),
      account: v.exactOptional(text('an AWS account: 12 digits in quotes', /^\d{12}$/)),
      region: v.exactOptional(text('an AWS region, such as eu-central-1', /^[a-z]{2}(-[a-z]+)+-\d$/)),
      secretPrefix: v.exactOptional(text(SECRET_PREFIX_RULE, isSecretPrefix)),
      tickMinutes: v.exactOptional(whole(1, 60, 'minutes')),
      tokenLife: v.exactOptional(overridesOf(tokenSchema)),
      budget: v.exactOptional(overridesOf(BUDGET_SCHEMA)),
      logRetentionDays: v.exactOptional(
        v.picklist(
          retentionDays,
          `a retention that CloudWatch Logs knows: ${retentionDays.slice(0, -1).join(', ')} days`,
        ),
      ),
      alarmTopicArn: v.exactOptional(
        text(
          'the ARN of an SNS topic, such as arn:aws:sns:eu-central-1:123456789012:alarms',
          /^arn:[a-z-]+:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}$/,
        ),
      ),
      zones: v.exactOptional(whole(0, 2, 'availability zones')),
      availabilityZones: v.exactOptional(
        v.pipe(
          listOf(text(ZONES_RULE, /^[a-z]{2}(-[a-z]+)+-\d[a-z]$/), ZONES_RULE),
          v.minLength(1, ZONES_RULE),
          v.maxLength(2, ZONES_RULE),
        ),
      ),
      minterReservedConcurrency: v.exactOptional(whole(1, 1000, 'executions')),
      encryption: v.exactOptional(
        v.picklist(['customer-managed', 'aws-owned'], 'customer-managed or aws-owned'),
      ),
      metrics: v.exactOptional(v.picklist(['alarmed', 'all'], 'alarmed or all')),
      workerTraces: v.exactOptional(v.boolean('true or false')),
      deletionProtection: v.exactOptional(v.boolean('true or false')),
    },
    // Also for a key that is missing.
    ({ path }) => REQUIRED[path?.at(-1)?.key as keyof typeof REQUIRED] ?? OBJECT_RULE,
  ),
  v.check(
    ({ zones, availabilityZones }) => zones === undefined || availabilityZones === undefined,
    'a stage with either zones or availabilityZones',
  ),
);

/** The whole file: stages by name. `$schema` is for editors. */
export const STAGES_SCHEMA: v.GenericSchema<
  unknown,
  Readonly<Record<string, Omit<Stage, 'name'>>> & { readonly $schema?: string }
> = v.objectWithRest({ $schema: v.exactOptional(v.string()) }, stageSchema, OBJECT_RULE) as never;
