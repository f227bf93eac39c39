import { existsSync, globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

/** What stands around the code: workflows, templates, and rules that hold for every file. */

const { scripts, engines } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  scripts: Record<string, string>;
  engines: { node: string };
};

interface Workflow {
  readonly jobs: Readonly<Record<string, { readonly steps: readonly { readonly run?: string }[] }>>;
}

test('every command of a workflow is npm ci, a script of package.json or a file of .ci', () => {
  const files = globSync('.github/workflows/*.yml');
  expect(files.length).toBeGreaterThan(0);
  const commands = files.flatMap((file) => {
    const { jobs } = parse(readFileSync(file, 'utf8')) as Workflow;
    return Object.values(jobs).flatMap(({ steps }) => steps.flatMap(({ run }) => run ?? []));
  });
  expect(commands.length).toBeGreaterThan(1);
  const unknown = commands.filter((command) => {
    const script = /^npm run (\S+)$/.exec(command)?.[1];
    const file = /^bash (\.ci\/\S+)$/.exec(command)?.[1];
    return (
      command !== 'npm ci' &&
      !(script !== undefined && script in scripts) &&
      !(file !== undefined && existsSync(file))
    );
  });
  expect(unknown).toEqual([]);
});

test('every form of .github can be parsed', () => {
  for (const file of globSync('.github/{ISSUE_TEMPLATE/*.yml,dependabot.yml}'))
    expect(parse(readFileSync(file, 'utf8')), file).toBeTypeOf('object');
});

test('.node-version names the version of Node that Lambda runs, and engines allow it', () => {
  const [, lowest = ''] = /^>=(\d+)/.exec(engines.node) ?? [];
  const version = Number(readFileSync('.node-version', 'utf8'));
  expect(version).toBe(24);
  expect(Number(lowest)).toBeLessThanOrEqual(version);
});
