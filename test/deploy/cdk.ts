import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Runs the CDK's command line, its output on this process's stderr.
 *
 * @param directory where it keeps what it looked up @default - the repository
 * @throws {Error} if it exits with another code than 0
 */
export async function cdk(
  parameters: readonly string[],
  environment: NodeJS.ProcessEnv,
  directory = ROOT,
): Promise<void> {
  const child = spawn(`${ROOT}/node_modules/.bin/cdk`, parameters, {
    cwd: directory,
    env: environment,
    stdio: ['ignore', 2, 2],
  });
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject).once('exit', resolve);
  });
  if (code !== 0) throw new Error(`cdk ${parameters[0]} ended with exit code ${code}`);
}
