import { fork } from 'node:child_process';
import { once } from 'node:events';

/**
 * Runs a file in a fresh process and returns the one message that it sends. What it prints goes to /dev/null, except errors.
 *
 * @param file a module that sends with {@link tell}
 * @param input what it finds in `process.argv[2]`, as JSON
 * @throws {Error} if the process ends without a message
 */
export async function runInProcess<Result>(
  file: URL,
  { environment, input }: { environment: Readonly<Record<string, string>>; input: unknown },
): Promise<Result> {
  const child = fork(file, [JSON.stringify(input)], {
    env: { ...environment },
    execArgv: ['--expose-gc', '--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`${file.pathname} ended with ${code} and told nothing`);
  });
  try {
    const [message] = (await Promise.race([once(child, 'message'), ended])) as [Result];
    return message;
  } finally {
    ended.catch(() => {});
    child.kill();
  }
}

/** In the process: what came of `measure` for the input. */
export async function tell<Input, Result>(measure: (input: Input) => Promise<Result>): Promise<void> {
  const result = await measure(JSON.parse(process.argv[2] ?? '') as Input);
  process.send?.(result);
}
