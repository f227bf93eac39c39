import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Runs the CDK's command line in the repository, its output on this process's stderr.
 *
 * @throws {Error} if it exits with another code than 0
 */
export async function cdk(parameters: readonly string[], environment: NodeJS.ProcessEnv): Promise<void> {
  const child = spawn('npx', ['cdk', ...parameters], {
    cwd: ROOT,
    env: environment,
    stdio: ['ignore', 2, 2],
  });
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject).once('exit', resolve);
  });
  if (code !== 0) throw new Error(`cdk ${parameters[0]} ended with exit code ${code}`);
}
