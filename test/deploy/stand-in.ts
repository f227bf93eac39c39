import { spawnSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

import { awsBySdk } from './aws-by-sdk.ts';

/**
 * Stands in PATH for `aws`, `npm` and `npx`, and calls the real program, but for what cannot be done here: each exception is
 * written down for people. Its first argument is the program's name.
 */

const { STAND_INS = '', STAND_IN_NOTES = '', PATH = '' } = process.env;
/**
 * What moto, an emulator, does not know: some operations, and alarms of a stack by their name. The command line has understood
 * the command all the same, and sent it.
 */
const UNKNOWN =
  /InvalidAction|UnknownOperation|NotImplemented|not been implemented|\b(500|501)\b|\bResourceNotFound\b.*SetAlarmState/;

const [program = '', ...args] = process.argv.slice(2);
process.exitCode = await run();

async function run(): Promise<number> {
  const command = [program, ...args].join(' ');
  if (command === 'npm ci') return note(`${command}: not run, since the packages are installed`);
  if (/^npx cdk (drift|deploy .*--revert-drift)/.test(command))
    return note(`${command}: not run, since the emulator does not detect drifts`);
  // As the chapter tells scripts to run it.
  if (command.startsWith('npm run operate')) return real(['--silent', ...args, '--yes', '--json']);
  if (program !== 'aws') return real(args);
  // Not every version of AWS's command line takes the endpoint of every service from the environment.
  if (isThere()) return real([...args, '--endpoint-url', endpointOf(args[0])]);
  note("AWS's command line is not installed: the SDK makes its requests");
  try {
    return await awsBySdk(args);
  } catch (error) {
    const { name, $metadata } = error as { name: string; $metadata?: { httpStatusCode?: number } };
    if (!UNKNOWN.test(`${name} (${$metadata?.httpStatusCode}) SetAlarmState`)) throw error;
    return notKnown();
  }
}

function real(parameters: readonly string[]): number {
  const { status, stderr } = spawnSync(program, parameters, {
    env: environment(),
    stdio: ['inherit', 'inherit', 'pipe'],
    encoding: 'utf8',
  });
  if (program === 'aws' && status !== 0 && UNKNOWN.test(stderr)) return notKnown();
  process.stderr.write(stderr);
  return status ?? 1;
}

function endpointOf(service = ''): string {
  const { AWS_ENDPOINT_URL = '' } = process.env;
  return process.env[`AWS_ENDPOINT_URL_${service.toUpperCase()}`] ?? AWS_ENDPOINT_URL;
}

function isThere(): boolean {
  return spawnSync(program, ['--version'], { env: environment(), stdio: 'ignore' }).status === 0;
}

/** Without the stand-ins. */
function environment(): NodeJS.ProcessEnv {
  const others = PATH.split(delimiter).filter((directory) => join(directory) !== join(STAND_INS));
  return { ...process.env, PATH: others.join(delimiter) };
}

function notKnown(): number {
  return note(`${program} ${args.slice(0, 2).join(' ')}: sent, and not known to the emulator`);
}

function note(text: string): number {
  appendFileSync(STAND_IN_NOTES, `${text}\n`);
  return 0;
}
