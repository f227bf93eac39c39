import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { type Installed, install, pack } from './installed.ts';
import { type LocalBroker, startLocalBroker } from './local-broker.ts';
import {
  CDK_INIT,
  COMMONJS,
  createProject,
  MODULES,
  type Project,
  type ProjectOptions,
  runtimesIn,
} from './project.ts';

/** Both ends of the versions that package.json promises, as ES modules and as CommonJS; `npm run matrix` has those between. */

/** The compiler reads all types of the CDK: seconds, or minutes on a busy machine. */
const PATIENCE_MS = 600_000;

let folder: string;
let tarball: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'plume-pack-'));
  tarball = pack(folder);
}, PATIENCE_MS);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const OLDEST = 'test/consumers/oldest';

interface End {
  readonly end: string;
  readonly versions: string;
  readonly projects: readonly ProjectOptions[];
}

describe.each<End>([
  { end: 'newest', versions: '.', projects: [MODULES, COMMONJS] },
  {
    end: 'oldest',
    versions: OLDEST,
    projects: [MODULES, COMMONJS, CDK_INIT].map((project) => ({
      ...project,
      node: resolve(OLDEST, 'node_modules/.bin/node'),
    })),
  },
])('with the $end versions', ({ versions, projects }) => {
  let installed: Installed;
  let broker: LocalBroker;
  beforeAll(async () => {
    installed = install(tarball, versions);
    broker = await startLocalBroker(installed, []);
  }, PATIENCE_MS);
  afterAll(async () => {
    await broker.stop();
    installed.remove();
  });

  describe.each(projects)('as $name', (options) => {
    let project: Project;
    beforeAll(() => {
      project = createProject(installed, options);
    }, PATIENCE_MS);

    test('the programs compile, and the compiler knows event and context of a worker', () => {
      expect(project.diagnostics).toBe('');
    });

    test('a program calls the API', async () => {
      expect(JSON.parse(await project.run('script', broker.environment))).toMatchObject({
        path: '/api/v1/locations?limit=2',
      });
    });

    test('a test with the kit makes tokens expire and sees the errors that the runtime exports', async () => {
      expect(JSON.parse(await project.run('kit'))).toEqual({
        tokens: 2,
        away: 404,
        exhausted: 'budget_exhausted',
      });
    });

    test(
      "a stack is synthesised, whose broker's functions run on nodejs24.x",
      async () => {
        const assembly = join(installed.root, `${options.type}-${options.name.length}.out`);
        await project.run('stack', { CDK_OUTDIR: assembly });
        expect([...runtimesIn(assembly)].sort()).toEqual(['nodejs22.x', 'nodejs24.x', 'nodejs24.x']);
      },
      PATIENCE_MS,
    );
  });
});
