import { ConfigError } from '../errors.ts';

/** The characters of a secret's name (Secrets Manager, CreateSecret) without the slash. */
const CLIENT_NAME = /^[A-Za-z0-9_+=.@-]{1,128}$/;

export const CLIENT_NAME_RULE = '1 to 128 letters, digits and _+=.@-, such as mocha';

/** Whether it may follow `<prefix>/` in a secret's name, and `token#` in a key. */
export function isClientName(name: unknown): name is string {
  return typeof name === 'string' && CLIENT_NAME.test(name);
}

/** What may stand before `/<client>` in a secret's name. */
const SECRET_PREFIX = /^(?=.{1,383}$)[\w+=.@-]+(\/[\w+=.@-]+)*$/;

export const SECRET_PREFIX_RULE =
  'a valid secret name prefix such as plume/m2m: up to 383 letters, digits and _+=.@- between single slashes, none at the ends';

export function isSecretPrefix(prefix: string): boolean {
  return SECRET_PREFIX.test(prefix);
}

/**
 * @returns the name
 * @throws {ConfigError} naming the rule; the name is not repeated, since anything may stand in its place
 */
export function checkClientName(name: string): string {
  if (!isClientName(name)) throw new ConfigError(`a client's name must be ${CLIENT_NAME_RULE}`);
  return name;
}
