import { BUDGET_SCHEMA, type BudgetSettings } from './budget/settings.ts';
import { type BudgetStream, ENV, type MetricChoice, type StreamOfBudget } from './contract.ts';
import { ConfigError } from './errors.ts';
import { isSecretPrefix, SECRET_PREFIX_RULE } from './platform/client-name.ts';
import { endpointUse, parseApiUrl } from './platform/endpoint-url.ts';
import { type AnySchema, type Schema, type Text, violationOf } from './platform/schema.ts';
import { TOKEN_SCHEMA, type TokenSettings } from './token/settings.ts';

/** Environment variables → settings. Every refusal names the variable, the key and the rule, never the value. */

export type Environment = Readonly<Record<string, string | undefined>>;

/** The broker that a function belongs to: what its variable `PLUME_BROKER` holds, as JSON. */
export interface BrokerSettings {
  /** Name of the DynamoDB table, or its ARN if it is in another account. */
  readonly table: string;
  /** Plume's API: a URL without a path; the access token is sent there only. */
  readonly apiUrl: string;
  /** The name under which logs and metrics appear: of one broker with all functions that use it. */
  readonly service: string;
  /** Which measurements are metrics of CloudWatch, and not only fields of the log. */
  readonly metrics: MetricChoice;
  /** How long tokens are served and when they are replaced. */
  readonly tokenLife: TokenSettings;
  /** The calls that the egress address of the function may make. */
  readonly budget: BudgetSettings;
}

/** What a function that calls the API needs. */
export interface WorkerSettings extends BrokerSettings {
  /** Name or ARN of the minter function. */
  readonly minter: string;
}

/** What minter and inspector need. The minter cannot name itself: its name would depend on its own environment. */
export interface MinterSettings extends BrokerSettings {
  /** Secrets are named `<prefix>/<client>`. */
  readonly secretPrefix: string;
}

/** What the operator function needs: it asks the minter, and looks whether a secret is still there. */
export interface OperatorSettings extends MinterSettings {
  /** Name or ARN of the minter function. */
  readonly minter: string;
}

const text = (rule: string, matches: Text['matches'] = /./): Text => ({
  kind: 'text',
  matches,
  rule,
});

const BROKER_SCHEMA = {
  table: text("the table's name or ARN"),
  // Judged as a URL below, with what is known of where the function runs.
  apiUrl: text("the URL of Plume's API"),
  service: text('the name under which logs and metrics appear'),
  metrics: text('alarmed or all', /^(alarmed|all)$/),
  tokenLife: TOKEN_SCHEMA,
  budget: BUDGET_SCHEMA,
} satisfies Schema<BrokerSettings>;

export const WORKER_SCHEMA = {
  ...BROKER_SCHEMA,
  minter: text("the minter's name or ARN"),
} satisfies Schema<WorkerSettings>;

export const MINTER_SCHEMA = {
  ...BROKER_SCHEMA,
  secretPrefix: text(SECRET_PREFIX_RULE, isSecretPrefix),
} satisfies Schema<MinterSettings>;

export const OPERATOR_SCHEMA = {
  ...MINTER_SCHEMA,
  minter: WORKER_SCHEMA.minter,
} satisfies Schema<OperatorSettings>;

/** @throws {ConfigError} naming the key that is missing or wrong */
export function readOperatorSettings(environment: Environment): OperatorSettings {
  return readBroker(environment, OPERATOR_SCHEMA) as OperatorSettings;
}

/** @throws {ConfigError} naming the key that is missing or wrong */
export function readWorkerSettings(environment: Environment): WorkerSettings {
  return readBroker(environment, WORKER_SCHEMA) as WorkerSettings;
}

/** @throws {ConfigError} naming the key that is missing or wrong */
export function readMinterSettings(environment: Environment): MinterSettings {
  return readBroker(environment, MINTER_SCHEMA) as MinterSettings;
}

/**
 * The streams for which the minter reports WAF blocks.
 *
 * @param ownBudget the minter's: both of its streams if no other is given
 */
export function readWatchedStreams(environment: Environment, ownBudget: string): readonly StreamOfBudget[] {
  const watched = environment[ENV.watchedStreams] || `${ownBudget}#worker,${ownBudget}#minter`;
  return watched.split(',').map((text) => {
    const [, budget, stream] = /^([^#]+)#(worker|minter)$/.exec(text) ?? [];
    if (budget === undefined)
      throw new ConfigError(
        `${ENV.watchedStreams} must be <budget>#worker or <budget>#minter, between commas`,
      );
    return { budget, stream: stream as BudgetStream };
  });
}

/** @throws {ConfigError} if the variable is missing or empty. */
export function required(environment: Environment, name: keyof typeof ENV): string {
  const value = environment[ENV[name]];
  if (!value) throw new ConfigError(`the environment variable ${ENV[name]} is missing`);
  return value;
}

function readBroker(environment: Environment, schema: AnySchema): unknown {
  const json = environment[ENV.broker];
  if (!json) {
    throw new ConfigError(
      `the environment variable ${ENV.broker} is missing: without it a function would keep a budget of its own. TokenBroker.connect sets it; elsewhere, set what TokenBroker.environment returns`,
    );
  }
  const settings = parse(json);
  const violation = violationOf(schema, settings, ENV.broker);
  if (violation !== undefined) throw new ConfigError(violation);
  const apiUrl = parseApiUrl((settings as BrokerSettings).apiUrl, endpointUse(environment));
  if ('rule' in apiUrl) throw new ConfigError(`${ENV.broker}.apiUrl ${apiUrl.rule}`);
  return settings;
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new ConfigError(`${ENV.broker} must be JSON`);
  }
}
