import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';

/** Imports point one way. A part may import itself and what stands in its row. */
const FOUNDATION = [
  'lib/contract',
  'lib/errors',
  'lib/clock',
  'lib/endpoint-url',
  'lib/error-reason',
  'lib/one-request',
  'lib/read-text',
  'lib/retry-after',
  'lib/unless-aborted',
];
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  'lib/contract': [],
  'lib/errors': [],
  'lib/clock': [],
  'lib/endpoint-url': [],
  'lib/error-reason': [],
  'lib/one-request': [],
  'lib/read-text': [],
  'lib/retry-after': [],
  'lib/unless-aborted': [],
  'lib/sdk-config': [],
  'lib/settings': [...FOUNDATION, 'lib/credentials'],
  'lib/telemetry': FOUNDATION,
  'lib/credentials': [...FOUNDATION, 'lib/telemetry'],
  'lib/oauth': [...FOUNDATION, 'lib/telemetry', 'lib/credentials'],
  'lib/budget': [...FOUNDATION, 'lib/telemetry'],
  'lib/token': [...FOUNDATION, 'lib/telemetry', 'lib/credentials', 'lib/oauth', 'lib/budget'],
  'lib/plume': [...FOUNDATION, 'lib/telemetry', 'lib/token', 'lib/budget'],
  'lib/middleware': [
    ...FOUNDATION,
    'lib/telemetry',
    'lib/settings',
    'lib/sdk-config',
    'lib/credentials',
    'lib/plume',
    'lib/token',
    'lib/budget',
  ],
  'lib/index': ['lib/contract', 'lib/errors', 'lib/middleware', 'lib/plume'],
  functions: ['lib'],
  infra: ['lib/contract'],
  // The rules of production over memory and the local cloud, for tests of others.
  'infra/testing': ['lib', 'infra'],
  // The functions' own checks: a limit that does not hold must fail the synthesis, not a function's start.
  'infra/aws/checks': ['lib/endpoint-url', 'lib/settings', 'lib/budget', 'lib/credentials'],
};

interface Source {
  readonly file: string;
  readonly part: string;
  readonly text: string;
  readonly imports: readonly string[];
}

const sources: readonly Source[] = globSync('{lib,functions,infra}/**/*.ts').map((file) => {
  const text = readFileSync(file, 'utf8');
  const imports = [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(
    ([, specifier]) => specifier as string,
  );
  return { file, part: partOf(file), text, imports };
});

/** `lib/token/mint.ts` is of `lib/token`, `lib/clock.ts` is `lib/clock`, `infra/aws/app.ts` is of `infra`. */
function partOf(file: string): string {
  const [top = '', second = ''] = file.replace(/\.ts$/, '').split('/');
  return top === 'lib' || second === 'testing' ? `${top}/${second}` : top;
}

function projectImports({ file, imports }: Source): string[] {
  return imports
    .filter((specifier) => specifier.startsWith('.'))
    .map((s) => normalize(join(dirname(file), s)));
}

test('there is something to check', () => {
  expect(sources.length).toBeGreaterThan(30);
});

describe.each(sources.map((source) => [source.file, source] as const))('%s', (file, source) => {
  test('imports only what its part may', () => {
    const allowed = ALLOWED[file.replace(/\.ts$/, '')] ?? ALLOWED[source.part];
    expect(allowed, `${source.part} has no row`).toBeDefined();
    const wrong = projectImports(source).filter((target) => {
      const part = partOf(target);
      return (
        part !== source.part &&
        !allowed?.some((row) => row === part || (row === 'lib' && target.startsWith('lib/')))
      );
    });
    expect(wrong).toEqual([]);
  });

  test('leaves the clock, the environment and the CDK to those who may have them', () => {
    const isRuntime = !file.startsWith('infra/');
    expect(isRuntime && /aws-cdk-lib|constructs/.test(source.imports.join())).toBe(false);
    if (file.startsWith('lib/')) {
      expect(file === 'lib/clock.ts' || !/\bDate\.now\b|new Date\(\)/.test(source.text)).toBe(true);
      expect(file === 'lib/middleware/from-environment.ts' || !/process\.env/.test(source.text)).toBe(true);
    }
  });

  test('can be held in the head', () => {
    expect(source.text.split('\n').length).toBeLessThanOrEqual(300);
  });
});

test('functions do not import one another', () => {
  const wrong = sources
    .filter(({ part }) => part === 'functions')
    .flatMap((source) =>
      projectImports(source).filter(
        (target) => target.startsWith('functions/') && target.split('/')[1] !== source.file.split('/')[1],
      ),
    );
  expect(wrong).toEqual([]);
});
