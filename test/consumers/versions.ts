import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { type Installed, install } from './installed.ts';
import type { LocalBroker } from './local-broker.ts';
import {
  CDK_INIT,
  COMMONJS,
  type Compiled,
  createProjects,
  MODULES,
  type Project,
  type ProjectOptions,
  runtimesIn,
} from './project.ts';

/** Seconds, or minutes on a busy machine. */
export const PATIENCE_MS = 600_000;

const OLDEST = 'test/consumers/oldest';
const node = resolve(OLDEST, 'node_modules/.bin/node');

/** What the constructs' types resolve to without `exports` the package's check tells without reading the CDK's. */
const AS_CDK_INIT: ProjectOptions = { ...CDK_INIT, programs: ['kit', 'script', 'worker'] };

/**
 * The lowest versions that package.json promises, as ES modules and as CommonJS. `npm run matrix` has those between them and
 * the newest ones, which the other tests of the package use.
 *
 * @param broker of the same package: its minter brings all that it runs on, and so is the same with any versions
 */
export function testOldestVersions(tarball: () => string, broker: () => LocalBroker): void {
  const both = [MODULES, COMMONJS].map((project) => ({ ...project, node }));
  let installed: Installed;
  let compiled: Compiled;
  beforeAll(() => {
    installed = install(tarball(), OLDEST);
    compiled = createProjects(installed, [...both, AS_CDK_INIT]);
  }, PATIENCE_MS);
  afterAll(() => installed.remove());

  test('the programs compile, also as cdk init had it, and the compiler knows event and context of a worker', () => {
    expect(compiled.diagnostics).toBe('');
  });

  describe.each(both.map(({ name }, index) => ({ name, index })))('$name', ({ name, index }) => {
    const project = () => compiled.projects[index] as Project;
    testProject(project, broker);
    testStack(project, () => join(installed.root, `${name}.out`));
  });
}

/** What a consumer's project does with the runtime and the test kit. */
export function testProject(project: () => Project, broker: () => LocalBroker): void {
  test('a program calls the API', async () => {
    expect(JSON.parse(await project().run('script', broker().environment))).toMatchObject({
      path: '/api/v1/locations?limit=2',
    });
  });

  test('a test with the kit makes tokens expire and sees the errors that the runtime exports', async () => {
    expect(JSON.parse(await project().run('kit'))).toEqual({
      tokens: 2,
      away: 404,
      exhausted: 'budget_exhausted',
    });
  });
}

/** What it does with the constructs. */
function testStack(project: () => Project, assembly: () => string): void {
  test(
    "a stack is synthesised, whose broker's functions run on nodejs24.x",
    async () => {
      await project().run('stack', { CDK_OUTDIR: assembly() });
      expect(runtimesIn(assembly()).toSorted()).toEqual(['nodejs22.x', ...Array(3).fill('nodejs24.x')]);
    },
    PATIENCE_MS,
  );
}
