import { execFileSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, test } from 'vitest';

import { findStagesFile, readStage } from '../../../infra/aws/stages.ts';
import { stagesForEditors } from './stages-for-editors.ts';

const root = mkdtempSync(join(tmpdir(), 'plume-stages-'));
afterAll(() => rmSync(root, { recursive: true }));

const STAGES = '{ "live": { "apiUrl": "https://api.plume.example/", "client": "latte" } }';

test('the schema for editors is that of synthesis: npx vitest -u writes it', async () => {
  const json = JSON.stringify(stagesForEditors(), undefined, 2);
  await expect(`${json}\n`).toMatchFileSnapshot('../../../infra/stages.schema.json');
  expect(json).toContain('"graceMs"');
  expect(json).not.toContain('"tickMs"');
});

test('where the user has no file, the example is used', () => {
  const directory = join(root, 'own/');
  mkdirSync(directory);
  cpSync('infra/stages.example.json', join(directory, 'stages.example.json'));
  const find = () => findStagesFile(pathToFileURL(directory));
  expect(find()).toMatchObject({ name: 'infra/stages.example.json', isExample: true });
  writeFileSync(join(directory, 'stages.json'), STAGES);
  expect(find()).toMatchObject({ name: 'infra/stages.json', isExample: false });
  expect(readStage(find(), 'live').client).toBe('latte');
});

test("git pull takes an update of every tracked file and leaves the user's stages as they are", () => {
  const [upstream, user] = [join(root, 'upstream'), join(root, 'user')];
  const git = (directory: string, ...args: string[]) =>
    execFileSync('git', ['-C', directory, '-c', 'user.name=a', '-c', 'user.email=a@b', ...args], {
      encoding: 'utf8',
      stdio: 'pipe',
    });
  const tracked = git('.', 'ls-files', 'infra', 'cdk.json', '.gitignore').trim().split('\n');
  expect(tracked.length).toBeGreaterThan(50);
  for (const file of tracked) {
    mkdirSync(dirname(join(upstream, file)), { recursive: true });
    cpSync(file, join(upstream, file));
  }
  git(upstream, 'init', '-q', '-b', 'main');
  git(upstream, 'add', '-A');
  git(upstream, 'commit', '-q', '-m', 'first');
  git(root, 'clone', '-q', upstream, user);
  writeFileSync(join(user, 'infra/stages.json'), STAGES);

  for (const file of tracked) appendFileSync(join(upstream, file), '\n');
  git(upstream, 'commit', '-q', '-a', '-m', 'second');
  git(user, 'pull', '-q', '--ff-only');

  expect(git(user, 'status', '--porcelain')).toBe('');
  expect(git(user, 'log', '-1', '--format=%s')).toBe('second\n');
  expect(readFileSync(join(user, 'infra/stages.json'), 'utf8')).toBe(STAGES);
});
