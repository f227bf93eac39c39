import { parseArgs } from 'node:util';

/** The command line cannot be understood. The message names the argument and the rule. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Options of every verb. */
export interface CommonOptions {
  /** The stack whose broker is meant. */
  readonly stack: string | undefined;
  /** The address of a local run's page, in place of a stack. */
  readonly endpoint: string | undefined;
  readonly json: boolean;
  /** Carries out a change without asking. */
  readonly yes: boolean;
}

export interface CommandLine extends CommonOptions {
  readonly verb: string;
  /** What follows the verb: a budget, or a client. */
  readonly subject: string | undefined;
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
}

/** Names, types and meaning of the options, as `--help` prints them. */
export const OPTIONS = {
  stack: { type: 'string', help: 'the stack, such as PlumeTokenBroker-prod' },
  endpoint: { type: 'string', help: 'the address that npm start prints, instead of a stack' },
  minutes: { type: 'string', help: 'pause, slow: for how long' },
  reason: { type: 'string', help: 'the reason, which is logged; pause and slow need one' },
  minter: { type: 'boolean', help: 'pause: stop minting too' },
  share: { type: 'string', help: 'slow: the share of the rate, such as 0.25' },
  client: { type: 'string', help: 'policy: the client whose token the worker uses' },
  broker: { type: 'string', help: "policy: the value of the broker's SSM parameter; fills in every ARN" },
  budget: { type: 'string', help: "policy: the budget, if it is not the broker's own" },
  cloudformation: { type: 'boolean', help: 'policy: leave placeholders for Fn::Sub' },
  rate: { type: 'string', help: 'replay: messages a second (default 5)' },
  json: { type: 'boolean', help: 'print JSON, for scripts' },
  yes: { type: 'boolean', help: 'do not ask before a change' },
  help: { type: 'boolean', short: 'h', help: 'print this' },
} as const;

/** @throws {UsageError} */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const { values, positionals } = parsed(args);
  const [verb = 'help', subject, ...others] = positionals;
  if (others.length > 0) throw new UsageError(`unexpected argument ${others[0]}`);
  return {
    verb: values.help === true ? 'help' : verb,
    subject,
    values,
    stack: values.stack,
    endpoint: values.endpoint,
    json: values.json === true,
    yes: values.yes === true,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new UsageError(message.split(/\.\s|\n/)[0]);
  }
}

/** The value of a number option. @throws {UsageError} it is missing or none */
export function numberOption(
  { values, verb }: CommandLine,
  name: keyof typeof OPTIONS,
  fallback?: number,
): number {
  const text = values[name];
  if (text === undefined && fallback !== undefined) return fallback;
  const value = typeof text === 'string' && text.trim() !== '' ? Number(text) : Number.NaN;
  if (Number.isFinite(value) && value > 0) return value;
  throw new UsageError(`${verb} needs --${name} with a number above 0`);
}

/** @throws {UsageError} it is missing */
export function textOption({ values, verb }: CommandLine, name: keyof typeof OPTIONS): string {
  const text = values[name];
  if (typeof text === 'string' && text.trim() !== '') return text;
  throw new UsageError(`${verb} needs --${name}`);
}

/** @throws {UsageError} it is missing */
export function subjectOf({ subject, verb }: CommandLine, what: string): string {
  if (subject !== undefined) return subject;
  throw new UsageError(`${verb} needs the name of a ${what}: ${verb} <${what}>`);
}
