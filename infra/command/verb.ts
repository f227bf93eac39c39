/** Where a verb writes. */
export interface Output {
  /** To standard output: what scripts read. */
  print(text: string): void;
  /** To standard error: what people read besides. */
  note(text: string): void;
}

/** One thing that the command does. */
export interface Verb {
  /** What follows the verb on the command line, such as `--client NAME`. */
  readonly usage: string;
  /** What it does, in one line. */
  readonly summary: string;
  /**
   * @param parameters what follows the verb
   * @throws {UsageError} the parameters are wrong
   */
  run(parameters: readonly string[], output: Output): void | Promise<void>;
}

/** What was typed cannot be done: the message says what is wrong with it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
