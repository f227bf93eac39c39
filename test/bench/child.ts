import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/**
 * Runs Node in a fresh process and returns the one message that it sends. What it prints goes to /dev/null, except errors.
 *
 * @throws {Error} if the process ends without a message
 */
export async function runNode<Result>(
  parameters: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<Result> {
  const child = spawn(process.execPath, parameters, {
    env: { ...environment },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`a measured process ended with ${code} and told nothing`);
  });
  ended.catch(() => {});
  try {
    const [message] = (await Promise.race([once(child, 'message'), ended])) as [Result];
    return message;
  } finally {
    child.kill();
  }
}

/**
 * Runs a file that calls {@link tell}.
 *
 * @param input what it is told, as JSON
 */
export function runFile<Result>(
  file: URL,
  environment: Readonly<Record<string, string>>,
  input: unknown,
): Promise<Result> {
  return runNode(['--expose-gc', fileURLToPath(file), JSON.stringify(input)], environment);
}

/** In the process: tells what came of `measure` for the input. */
export async function tell<Input, Result>(measure: (input: Input) => Promise<Result>): Promise<void> {
  const result = await measure(JSON.parse(process.argv[2] ?? '') as Input);
  process.send?.(result);
}
