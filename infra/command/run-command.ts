import { createInterface } from 'node:readline/promises';

import { type CommandLine, OPTIONS, parseCommandLine, UsageError } from './command-line.ts';
import { NotConfirmedError, type Output } from './verb.ts';
import { VERBS } from './verbs.ts';

/** Where the command reads and writes: a process has all three. */
export interface Streams {
  /** Where a change is confirmed, if it is a terminal. */
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
}

/** @returns 0 done, 1 it failed, 2 the command line cannot be understood, 3 the change was not confirmed */
export async function runCommand(argv: readonly string[], streams: Streams): Promise<number> {
  const { stdout, stderr } = streams;
  try {
    const line = parseCommandLine(argv);
    if (line.verb === 'help') {
      stdout.write(help());
      return 0;
    }
    const verb = Object.hasOwn(VERBS, line.verb) ? VERBS[line.verb] : undefined;
    if (verb === undefined) throw new UsageError(`unknown verb ${line.verb}`);
    const { json, text } = await verb.run(line, outputOf(line, streams));
    stdout.write(line.json ? `${JSON.stringify(json)}\n` : text);
    return 0;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    stderr.write(`${message}${error instanceof UsageError ? '; --help lists verbs and options' : ''}\n`);
    if (error instanceof UsageError) return 2;
    return error instanceof NotConfirmedError ? 3 : 1;
  }
}

function outputOf({ yes }: CommandLine, { stdin, stderr }: Streams): Output {
  return {
    note: (text) => void stderr.write(`${text}\n`),
    async confirm(change) {
      if (yes) return;
      if (!stdin.isTTY)
        throw new NotConfirmedError(`${change}: not done; without a terminal, confirm it with --yes`);
      const terminal = createInterface({ input: stdin, output: stderr });
      const answer = await terminal.question(`${change}? [y/N] `);
      terminal.close();
      if (!/^y(es)?$/i.test(answer.trim())) throw new NotConfirmedError(`${change}: not done`);
    },
  };
}

function help(): string {
  const verbs = Object.entries(VERBS).map(
    ([name, { arguments: subject, summary }]) => `  ${`${name} ${subject}`.trim()}\n      ${summary}\n`,
  );
  const options = Object.entries(OPTIONS).map(
    ([name, { help: meaning }]) => `  --${name.padEnd(14)} ${meaning}\n`,
  );
  return `Operates a token broker.

Usage: plume-m2m-token-broker <verb> --stack <name> [options]

Verbs:
${verbs.join('')}
Options:
${options.join('')}
Credentials and region come from the shell. The command names the account and the stack before it changes anything.
`;
}
