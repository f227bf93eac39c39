import * as v from 'valibot';
import { type BudgetSettings, DEFAULT_BUDGET_SETTINGS } from './budget/settings.ts';
import { DEFAULT_SECRET_PREFIX, DEFAULT_SERVICE, ENV } from './contract.ts';
import { ConfigError } from './errors.ts';
import { CLIENT_NAME_RULE, isClientName } from './platform/client-name.ts';
import { DEFAULT_TOKEN_SETTINGS, type TokenSettings } from './token/settings.ts';

/**
 * Environment variables → settings. Every refusal names the variable, the key and the rule, never the value.
 */

export type Environment = Readonly<Record<string, string | undefined>>;

/** What every function needs. */
export interface Settings {
  /** The name under which logs and metrics appear. */
  readonly service: string;
  readonly table: string;
  readonly token: TokenSettings;
  readonly budget: BudgetSettings;
}

/** @throws {ConfigError} naming the variable that is missing or wrong. */
export function readSettings(environment: Environment): Settings {
  return {
    service: environment[ENV.service] || DEFAULT_SERVICE,
    table: required(environment, 'table'),
    token: partial(environment, 'tokenSettings', tokenSchema, DEFAULT_TOKEN_SETTINGS),
    budget: partial(environment, 'budgetSettings', budgetSchema, DEFAULT_BUDGET_SETTINGS),
  };
}

/** The prefix of the clients' secrets, without a slash at its end. */
export function readSecretPrefix(environment: Environment): string {
  const prefix = environment[ENV.secretPrefix] || DEFAULT_SECRET_PREFIX;
  if (!/^[\w+=.@-]+(\/[\w+=.@-]+)*$/.test(prefix)) {
    throw new ConfigError(
      `${ENV.secretPrefix} must be a secret name's beginning such as ${DEFAULT_SECRET_PREFIX}: letters, digits and _+=.@- between single slashes, none at the ends`,
    );
  }
  return prefix;
}

/** The client of the reference worker. */
export function readClient(environment: Environment): string {
  const client = required(environment, 'client');
  if (isClientName(client)) return client;
  throw new ConfigError(`${ENV.client} must be ${CLIENT_NAME_RULE}`);
}

/** @throws {ConfigError} if the variable is missing or empty. */
export function required(environment: Environment, name: keyof typeof ENV): string {
  const value = environment[ENV[name]];
  if (!value) throw new ConfigError(`the environment variable ${ENV[name]} is missing`);
  return value;
}

const milliseconds = (minimum: number) =>
  v.pipe(
    v.number('must be a number of milliseconds'),
    v.integer('must be a whole number of milliseconds'),
    v.minValue(minimum, `must be at least ${minimum} ms`),
    v.maxValue(31 * 86_400_000, 'must be at most 31 days in milliseconds'),
  );

const tokenSchema = v.strictObject({
  graceMs: milliseconds(0),
  tickMs: milliseconds(1),
  defaultLifetimeMs: milliseconds(1),
  forcedMintFloorMs: milliseconds(0),
  youngTokenMs: milliseconds(0),
  requestTimeoutMs: milliseconds(1),
  backoffBaseMs: milliseconds(1),
  backoffMaxMs: milliseconds(1),
  introspectEveryMs: v.exactOptional(milliseconds(1)),
});

const streamSchema = v.strictObject(
  {
    intervalMs: milliseconds(1),
    ticketLifeMs: milliseconds(1),
    burstMs: milliseconds(0),
    horizonMs: milliseconds(1),
  },
  'must be an object of known keys',
);

const budgetSchema = v.strictObject({
  name: v.pipe(
    v.string('must be a string'),
    v.regex(/^[A-Za-z0-9_.-]{1,64}$/, 'must be 1 to 64 letters, digits and _.-'),
  ),
  limit: v.pipe(
    v.number('must be a number of calls'),
    v.integer('must be whole'),
    v.minValue(1, 'must be at least 1'),
  ),
  windowMs: milliseconds(1),
  clockAllowanceMs: milliseconds(0),
  networkDelayMs: milliseconds(0),
  blockMs: milliseconds(0),
  worker: streamSchema,
  minter: streamSchema,
});

function partial<Schema extends v.GenericSchema>(
  environment: Environment,
  name: keyof typeof ENV,
  schema: Schema,
  defaults: v.InferOutput<Schema> & object,
): v.InferOutput<Schema> {
  const json = environment[ENV[name]];
  if (!json) return defaults;
  let given: unknown;
  try {
    given = JSON.parse(json);
  } catch {
    throw new ConfigError(`${ENV[name]} must be JSON`);
  }
  if (!isObject(given)) throw new ConfigError(`${ENV[name]} must be a JSON object`);
  const result = v.safeParse(schema, merged(defaults, given));
  if (result.success) return result.output;
  const [issue] = result.issues;
  const rule = issue.expected === 'never' ? 'is not a known key' : issue.message;
  throw new ConfigError(`${ENV[name]}: ${v.getDotPath(issue) ?? 'the object'} ${rule}`);
}

/** What is given replaces its default, also within an inner object. */
function merged(defaults: object, given: object): object {
  const entries = Object.entries(given).map(([key, value]) => {
    const inner: unknown = defaults[key as keyof typeof defaults];
    return [key, isObject(inner) && isObject(value) ? { ...inner, ...value } : value];
  });
  return { ...defaults, ...Object.fromEntries(entries) };
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
