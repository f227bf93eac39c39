import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

/** What stands around the code: workflows, templates, and rules that hold for every file. */

const {
  scripts,
  'scripts-info': explanations,
  engines,
} = JSON.parse(readFileSync('package.json', 'utf8')) as {
  scripts: Record<string, string>;
  'scripts-info': Record<string, string>;
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

const tracked = execFileSync('git', ['ls-files', '-z'], { encoding: 'utf8' }).split('\0').filter(Boolean);
const textOf = (file: string): string => readFileSync(file, 'utf8');
/** This file names what it looks for. */
const others = tracked.filter((file) => existsSync(file) && file !== 'test/repository.test.ts');

test('what stands in front of the API is the WAF, by no other name', () => {
  const named = others.filter((file) => !file.endsWith('.png') && /firewall/i.test(textOf(file)));
  expect(named).toEqual([]);
});

test('every class of errors ends in Error, or in Exception if it is one of AWS, and says its name in a literal', () => {
  const wrong = others
    .filter((file) => /^(lib|functions|infra)\/.*\.ts$/.test(file))
    .flatMap((file) => [
      ...textOf(file).matchAll(/^(?:export )?class (\w+)(?:<[^{]*>)? extends \w*Error\b[\s\S]*?^\}/gm),
    ])
    .filter(
      ([body, name = '']) =>
        !/(Error|Exception)$/.test(name) ||
        !new RegExp(`override readonly name(: string)? = '${name}'`).test(body),
    )
    .map(([, name]) => name);
  expect(wrong).toEqual([]);
});

test('every chapter has a block that is tested, but for measurements and what stands for itself', () => {
  const exempt = /^(CHANGELOG\.md|test\/bench\/README\.md|\.github\/(?!CONTRIBUTING).*)$/;
  const without = others.filter(
    (file) => file.endsWith('.md') && !exempt.test(file) && !/^```(?!text)\w/m.test(textOf(file)),
  );
  expect(without).toEqual([]);
});

test('npm run help explains every script, in their order', () => {
  expect(scripts.help).toBe('npm pkg get scripts-info');
  expect(Object.keys(explanations)).toEqual(Object.keys(scripts));
});
