import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

/** README's limits, from an empty folder to the first answer. */
const LIMIT_MS = 300_000;
const LIMIT_LINES = 12;

/**
 * A worker of one's own by README alone: its commands, run as they stand there beside `npm start`, with its lines in
 * `handler.ts`.
 *
 * @param tarball what `npm pack` makes
 * @returns what is not as README says, and how long it took
 */
export async function firstWorker(
  folder: string,
  tarball: string,
): Promise<{ readonly failures: readonly string[]; readonly ms: number; readonly lines: number }> {
  const readme = readFileSync('README.md', 'utf8');
  const block = (label: string): string =>
    new RegExp(`^\`\`\`${label}\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(readme)?.[1] ?? '';
  const worker = block('ts functions/hello/handler.ts');
  const port = '18080';
  // The package is there already, and the local run is at a port of its own.
  const script = block('sh first worker')
    .replace(/^npm pack$/m, '')
    .replace('8080', port);
  const lines = worker.trim().split('\n').length;

  const repository = join(folder, 'plume-m2m-token-broker');
  mkdirSync(repository, { recursive: true });
  cpSync(tarball, join(repository, 'plume-m2m-token-broker-0.1.0.tgz'));
  const local = spawn(
    process.execPath,
    [resolve('infra/local/run/start.ts'), '--no-faults', '--for', '600', '--port', port],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  try {
    // A line a second, from the moment at which the broker is there.
    for await (const line of createInterface(local.stdout)) if (line.includes('jobs ')) break;
    local.stdout.resume();
    const startedAtMs = performance.now();
    writeFileSync(
      join(folder, 'script.sh'),
      script.replace('cd ../hello', `cd ../hello && cat > handler.ts <<'END'\n${worker}END`),
    );
    const { stdout } = await promisify(execFile)('bash', ['-e', join(folder, 'script.sh')], {
      cwd: repository,
      timeout: LIMIT_MS,
    });
    const failures = [
      ...(stdout.includes('ok: true') ? [] : [`the worker printed: ${stdout}`]),
      ...(lines <= LIMIT_LINES ? [] : [`the worker has ${lines} lines`]),
    ];
    return { failures, ms: Math.round(performance.now() - startedAtMs), lines };
  } finally {
    const ended = once(local, 'exit');
    local.kill('SIGINT');
    await ended;
  }
}
