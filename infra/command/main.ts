#!/usr/bin/env node
import { policy } from './policy.ts';
import { UsageError, type Verb } from './verb.ts';

/** `npx --no plume-m2m-token-broker <verb>`: what people do with a broker from their shell. Each verb is a file. */

const VERBS: Readonly<Record<string, Verb>> = { policy };

try {
  await run(process.argv.slice(2));
} catch (error) {
  const isUsage = error instanceof UsageError || isOfParseArgs(error);
  process.stderr.write(`${isUsage ? `${error.message}\n\n${usage()}` : String(error)}\n`);
  process.exitCode = isUsage ? 2 : 1;
}

async function run([name = '', ...parameters]: readonly string[]): Promise<void> {
  const output = { print: writer(process.stdout), note: writer(process.stderr) };
  if (['', '-h', '--help', 'help'].includes(name)) return output.print(usage());
  const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
  if (verb === undefined) throw new UsageError(`there is no verb ${name}`);
  await verb.run(parameters, output);
}

function writer(stream: NodeJS.WriteStream): (text: string) => void {
  return (text) => void stream.write(`${text}\n`);
}

function usage(): string {
  const verbs = Object.entries(VERBS).map(
    ([name, { usage: parameters, summary }]) => `  ${name} ${parameters}\n      ${summary}`,
  );
  return ['usage: plume-m2m-token-broker <verb>', '', ...verbs].join('\n');
}

/** An option that it does not know, or a value that is missing. */
function isOfParseArgs(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
}
