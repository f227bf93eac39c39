import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const STAND_IN = fileURLToPath(new URL('./stand-in.ts', import.meta.url));

/** Runs scripts with bash, in a directory, with stand-ins of `aws`, `npm` and `npx` in PATH. */
export interface Shell {
  /**
   * @returns what it wrote to stdout, which is no terminal
   * @throws {Error} with the script if a command of it fails
   */
  run(script: string): Promise<string>;
  /** What was not done as it is written, and why. */
  notes(): readonly string[];
}

/** @param directory of the scripts; the stand-ins are put beside it */
export function createShell(directory: string, environment: () => NodeJS.ProcessEnv): Shell {
  const standIns = `${directory}-stand-ins`;
  const noted = join(standIns, 'notes');
  mkdirSync(standIns);
  writeFileSync(noted, '');
  for (const program of ['aws', 'npm', 'npx']) {
    writeFileSync(
      join(standIns, program),
      `#!/bin/sh\nexec "${process.execPath}" "${STAND_IN}" ${program} "$@"\n`,
    );
    chmodSync(join(standIns, program), 0o755);
  }
  return {
    async run(script) {
      const variables = environment();
      const child = spawn('bash', ['-euo', 'pipefail', '-c', script], {
        cwd: directory,
        env: {
          ...variables,
          PATH: [standIns, variables.PATH].join(delimiter),
          STAND_INS: standIns,
          STAND_IN_NOTES: noted,
        },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let text = '';
      child.stdout.on('data', (data) => (text += data));
      const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
      if (code !== 0) throw new Error(`exit code ${code}:\n${script}\n${text}`);
      return text;
    },
    notes: () => [...new Set(readFileSync(noted, 'utf8').trim().split('\n').filter(Boolean))],
  };
}
