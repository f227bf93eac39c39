import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';

/** Imports point one way. A part may import itself and the parts (or files) of its row. */
const FOUNDATION = ['lib/contract', 'lib/errors', 'lib/platform'];
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  'lib/contract': [],
  'lib/errors': [],
  'lib/platform': ['lib/contract', 'lib/errors'],
  'lib/settings': [...FOUNDATION, 'lib/budget/settings', 'lib/token/settings'],
  'lib/telemetry': FOUNDATION,
  'lib/credentials': [...FOUNDATION, 'lib/telemetry'],
  'lib/oauth': [...FOUNDATION, 'lib/telemetry', 'lib/credentials'],
  'lib/waf': [...FOUNDATION, 'lib/telemetry'],
  'lib/budget': [...FOUNDATION, 'lib/telemetry', 'lib/waf'],
  'lib/token': [...FOUNDATION, 'lib/telemetry'],
  'lib/minter': [
    ...FOUNDATION,
    'lib/telemetry',
    'lib/credentials',
    'lib/oauth',
    'lib/budget',
    'lib/waf',
    'lib/token',
  ],
  'lib/plume': [...FOUNDATION, 'lib/telemetry', 'lib/budget', 'lib/waf', 'lib/token'],
  'lib/middleware': [
    ...FOUNDATION,
    'lib/telemetry',
    'lib/settings',
    'lib/budget',
    'lib/waf',
    'lib/token',
    'lib/plume',
  ],
  'lib/index': [...FOUNDATION, 'lib/middleware', 'lib/plume', 'lib/token', 'lib/budget', 'lib/waf'],
  functions: ['lib'],
  infra: [
    'lib/contract',
    'lib/settings',
    'lib/budget/settings',
    'lib/token/settings',
    'lib/platform/schema',
    'lib/platform/client-name',
  ],
  // The rules of production over memory and the local cloud, for tests of others.
  'infra/testing': ['lib', 'infra'],
  // The functions' own checks: a limit that does not hold must fail the synthesis, not a function's start.
  'infra/aws/checks': ['lib/contract', 'lib/platform', 'lib/settings', 'lib/budget', 'lib/token/settings'],
};

/** What a worker bundles never reaches what handles secrets, nor a schema library, not even through others. */
const OF_A_WORKER = /^(lib\/(plume|middleware|index)|functions\/worker)\b/;
const SECRETS = ['lib/minter', 'lib/credentials', 'lib/oauth'];
const SCHEMA_LIBRARY = 'valibot';

interface Source {
  readonly file: string;
  readonly part: string;
  readonly text: string;
  /** Files of this project that it imports, types included. */
  readonly imports: readonly string[];
  readonly packages: readonly string[];
}

const sources: readonly Source[] = globSync('{lib,functions,infra}/**/*.ts').map((file) => {
  const text = readFileSync(file, 'utf8');
  const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(
    ([, specifier]) => specifier as string,
  );
  const [imports, packages] = [true, false].map((isOwn) =>
    specifiers.filter((specifier) => specifier.startsWith('.') === isOwn),
  ) as [string[], string[]];
  return {
    file,
    part: partOf(file),
    text,
    imports: imports.map((specifier) => normalize(join(dirname(file), specifier))),
    packages,
  };
});
const byFile = new Map(sources.map((source) => [source.file, source]));

/** `lib/token/read-token.ts` is of `lib/token`, `lib/errors.ts` is `lib/errors`, `infra/aws/app.ts` is of `infra`. */
function partOf(file: string): string {
  const [top = '', second = ''] = file.replace(/\.ts$/, '').split('/');
  return top === 'lib' || second === 'testing' ? `${top}/${second}` : top;
}

test('there are sources to check', () => {
  expect(sources.length).toBeGreaterThan(100);
});

test('every file imports only what its part may', () => {
  const wrong = sources.flatMap(({ file, part, imports }) => {
    const allowed = ALLOWED[file.replace(/\.ts$/, '')] ?? ALLOWED[part] ?? [];
    return imports
      .filter((target) => partOf(target) !== part)
      .filter(
        (target) =>
          !allowed.some(
            (row) =>
              row === partOf(target) ||
              target === `${row}.ts` ||
              (row === 'lib' && target.startsWith('lib/')),
          ),
      )
      .map((target) => `${file} → ${target}`);
  });
  const functions = sources
    .filter(({ part }) => part === 'functions')
    .flatMap(({ file, imports }) =>
      imports
        .filter((target) => target.startsWith('functions/') && target.split('/')[1] !== file.split('/')[1])
        .map((target) => `${file} → ${target}`),
    );
  const cdk = sources
    .filter(
      ({ file, packages }) => !file.startsWith('infra/') && /aws-cdk-lib|constructs/.test(packages.join()),
    )
    .map(({ file }) => `${file} → aws-cdk-lib`);
  expect([...wrong, ...functions, ...cdk]).toEqual([]);
});

test('no worker reaches what handles secrets, nor a schema library', () => {
  const wrong = sources
    .filter(({ file }) => OF_A_WORKER.test(file))
    .flatMap(({ file }) => {
      const reached = new Set<string>();
      const visit = (target: string): void => {
        if (reached.has(target)) return;
        reached.add(target);
        byFile.get(target)?.imports.forEach(visit);
      };
      visit(file);
      return [...reached]
        .filter(
          (target) =>
            SECRETS.includes(partOf(target)) || byFile.get(target)?.packages.includes(SCHEMA_LIBRARY),
        )
        .map((target) => `${file} → … → ${target}`);
    });
  expect(wrong).toEqual([]);
});

/** Where a program or a package begins: nothing else imports these. */
const ENTRIES =
  /^(functions\/\w+\/handler|lib\/index|infra\/(aws\/(app|index)|command\/main|local\/run\/start|local\/page\/client\/main|testing\/index|.*-?thread|package\/.*))\.ts$|\.d\.ts$/;

test('nothing is there for its own tests alone: every file is reached from where a program begins', () => {
  const imported = new Set(sources.flatMap(({ imports }) => imports));
  const dead = sources.map(({ file }) => file).filter((file) => !imported.has(file) && !ENTRIES.test(file));
  expect(dead).toEqual([]);
});

test('no imports form a circle', () => {
  expect(circles()).toEqual([]);
});

test('the clock and the environment are passed in, and no file has more than 300 lines', () => {
  const wrong = sources.flatMap(({ file, text }) => [
    ...(text.split('\n').length > 300 ? [`${file} has more than 300 lines`] : []),
    ...(file.startsWith('lib/') && file !== 'lib/platform/clock.ts' && /\bDate\.now\b|new Date\(\)/.test(text)
      ? [`${file} reads the clock`]
      : []),
    ...(file.startsWith('lib/') && file !== 'lib/middleware/from-environment.ts' && /process\.env/.test(text)
      ? [`${file} reads the environment`]
      : []),
  ]);
  expect(wrong).toEqual([]);
});

/** Strongly connected components of more than one file (Tarjan 1972). */
function circles(): string[] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const found: string[] = [];
  const lowOf = (file: string): number => low.get(file) ?? 0;
  const visit = (file: string): void => {
    index.set(file, index.size);
    low.set(file, lowOf(file) || (index.get(file) as number));
    stack.push(file);
    for (const target of byFile.get(file)?.imports ?? []) {
      if (!byFile.has(target)) continue;
      if (!index.has(target)) {
        visit(target);
        low.set(file, Math.min(lowOf(file), lowOf(target)));
      } else if (stack.includes(target)) low.set(file, Math.min(lowOf(file), index.get(target) as number));
    }
    if (lowOf(file) !== index.get(file)) return;
    const component = stack.splice(stack.indexOf(file));
    if (component.length > 1) found.push(component.sort().join(' ↔ '));
  };
  for (const { file } of sources) if (!index.has(file)) visit(file);
  return found;
}
