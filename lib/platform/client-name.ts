import { ConfigError } from '../errors.ts';

/** The characters of a secret's name (Secrets Manager, CreateSecret) without the slash. */
const CLIENT_NAME = /^[A-Za-z0-9_+=.@-]{1,128}$/;

export const CLIENT_NAME_RULE = '1 to 128 letters, digits and _+=.@-, such as mocha';

/** Whether it may follow `<prefix>/` in a secret's name, and `token#` in a key. */
export function isClientName(name: unknown): name is string {
  return typeof name === 'string' && CLIENT_NAME.test(name);
}

/**
 * @returns the name
 * @throws {ConfigError} naming the rule; the name is not repeated, since anything may stand in its place
 */
export function checkClientName(name: string): string {
  if (!isClientName(name)) throw new ConfigError(`a client's name must be ${CLIENT_NAME_RULE}`);
  return name;
}
