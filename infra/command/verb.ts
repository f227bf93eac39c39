import type { CommandLine } from './command-line.ts';

/** One verb of the command. */
export interface Verb {
  /** What follows the verb, such as `<client>`; empty if nothing does. */
  readonly arguments: string;
  /** One line for `--help`. */
  readonly summary: string;
  /**
   * @returns what was done or seen: printed as JSON with `--json`, otherwise as `text`
   * @throws {UsageError} the command line lacks something
   */
  run(line: CommandLine, output: Output): Promise<Result>;
}

export interface Result {
  readonly json: unknown;
  readonly text: string;
}

/** Where a verb says what is about to happen: never on stdout, which scripts read. */
export interface Output {
  note(text: string): void;
  /** @throws {NotConfirmedError} the answer is no, or there is no terminal to ask on */
  confirm(change: string): Promise<void>;
}

/** The change was not made, because it was not confirmed. */
export class NotConfirmedError extends Error {
  override readonly name = 'NotConfirmedError';
}
