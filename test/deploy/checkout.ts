import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A copy of this repository whose stages are a test's own. Its templates are such that an emulator takes them. */
export function checkOut(directory: string, stages: object): void {
  const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  for (const file of files.trim().split('\n')) {
    mkdirSync(dirname(join(directory, file)), { recursive: true });
    cpSync(join(ROOT, file), join(directory, file));
  }
  symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
  const cdkJson = join(directory, 'cdk.json');
  const { app, ...settings } = JSON.parse(readFileSync(cdkJson, 'utf8'));
  const edited = `${app} && node test/deploy/for-emulator.ts "$CDK_OUTDIR"/*.template.json`;
  writeFileSync(cdkJson, JSON.stringify({ ...settings, app: edited }));
  writeStages(directory, stages);
}

export function writeStages(directory: string, stages: object): void {
  writeFileSync(join(directory, 'infra/stages.json'), JSON.stringify(stages));
}
