import { ConfigError } from '../errors.ts';

/** The characters of a secret's name (Secrets Manager, CreateSecret) without the slash. */
const CLIENT_NAME = /^[A-Za-z0-9_+=.@-]{1,128}$/;

/**
 * What may follow `<prefix>/` in a secret's name, and `token#` in a key.
 *
 * @returns the name
 * @throws {ConfigError} naming the rule; the name is not repeated, since anything may stand in its place
 */
export function checkClientName(name: string): string {
  if (!CLIENT_NAME.test(name)) {
    throw new ConfigError("a client's name must be 1 to 128 letters, digits and _+=.@-, such as mocha");
  }
  return name;
}
