import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

import { type Installed, PACKAGE, pack } from '../installed.ts';
import { startLocalBroker } from '../local-broker.ts';
import { createProjects, type Project, runtimesIn } from '../project.ts';
import { firstWorker } from './first-worker.ts';
import { ROWS, type Row } from './rows.ts';

/**
 * `npm run matrix`: installs the packed package as its users do, with each package manager and all that the registry has to
 * bring along, and runs the same programs as the tests. First comes README's worker, from an empty folder to its first answer.
 * A manager that cannot be had is left out with a line.
 * `npm run matrix -- yarn` runs the rows whose line has that text.
 */

const run = promisify(execFile);

/** The packages that have the managers which npm does not bring along, and how each installs a folder. */
const MANAGERS = {
  pnpm: {
    package: 'pnpm',
    file: 'bin/pnpm.mjs',
    install: ['install', '--no-frozen-lockfile', '--ignore-scripts'],
  },
  'yarn 1': {
    package: 'yarn@1',
    file: 'bin/yarn.js',
    // A cache of its own: it knows a tarball by name and version, and so takes that of the last build.
    install: ['install', '--non-interactive', '--cache-folder', '.cache'],
  },
  'yarn 4': { package: '@yarnpkg/cli-dist@4', file: 'bin/yarn.js', install: ['install', '--no-immutable'] },
} as const;

const NODES = {
  '22.12': resolve('test/consumers/oldest/node_modules/.bin/node'),
  '24': process.execPath,
} as const;

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'plume-matrix-')));
try {
  mkdirSync(join(folder, 'package'));
  const tarball = pack(join(folder, 'package'));
  if ('first worker'.includes(process.argv[2] ?? '')) {
    const { failures, ms, lines } = await firstWorker(join(folder, 'first'), tarball);
    console.log(
      `${failures.length === 0 ? 'ok' : 'FAILED'} (${Math.round(ms / 1000)} s): first worker, ${lines} lines`,
    );
    for (const failure of failures) console.log(`  ${failure.replaceAll('\n', '\n  ')}`);
    if (failures.length > 0) process.exitCode = 1;
  }
  for (const [index, row] of ROWS.entries()) {
    const name = nameOf(row);
    if (!name.includes(process.argv[2] ?? '')) continue;
    const startedAtMs = performance.now();
    const root = join(folder, String(index));
    mkdirSync(root);
    const failures = await failuresOf(row, root, tarball);
    const seconds = Math.round((performance.now() - startedAtMs) / 1000);
    if (failures === undefined) console.log(`left out, since ${row.manager} cannot be had: ${name}`);
    else console.log(`${failures.length === 0 ? 'ok' : 'FAILED'} (${seconds} s): ${name}`);
    for (const failure of failures ?? []) console.log(`  ${failure.replaceAll('\n', '\n  ')}`);
    if (failures !== undefined && failures.length > 0) process.exitCode = 1;
    rmSync(root, { recursive: true, force: true });
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function nameOf({ manager, node, versions, jest }: Row): string {
  const packages = Object.entries({ ...versions, ...(jest !== undefined && { jest }) });
  return [`${manager}, Node ${node}`, ...packages.map((pair) => pair.join(' '))].join(', ');
}

/** @returns what went wrong; undefined if there is no such package manager */
async function failuresOf(row: Row, root: string, tarball: string): Promise<string[] | undefined> {
  const install = await managerOf(row.manager);
  if (install === undefined) return undefined;
  writeFileSync(join(root, 'package.json'), JSON.stringify(manifestOf(row, tarball)));
  // Yarn 4 has no node_modules otherwise, and leaves the network's first answer of the day for the next.
  writeFileSync(join(root, '.yarnrc.yml'), 'nodeLinker: node-modules\nenableTelemetry: false\n');
  const failures: string[] = [];
  const attempt = async (what: string, work: () => Promise<string | undefined>): Promise<void> => {
    try {
      const wrong = await work();
      if (wrong) failures.push(`${what}: ${wrong}`);
    } catch (error) {
      failures.push(`${what}: ${outputOf(error)}`);
    }
  };

  await attempt('install', async () => void (await install(root)));
  if (failures.length > 0) return failures;
  const installed: Installed = {
    root,
    packageRoot: join(root, 'node_modules', PACKAGE),
    remove: () => {},
  };
  const broker = await startLocalBroker(installed, []);
  const useProject = async (project: Project): Promise<void> => {
    await attempt(
      `${project.name}, a call`,
      async () => void (await project.run('script', broker.environment)),
    );
    await attempt(`${project.name}, the test kit`, async () => {
      const printed = await project.run('kit');
      return printed.includes('"tokens":2') ? undefined : printed;
    });
    await attempt(`${project.name}, a stack`, async () => {
      const assembly = join(root, `${project.name}.out`);
      await project.run('stack', { CDK_OUTDIR: assembly });
      const runtimes = runtimesIn(assembly).join();
      return runtimes.includes('undefined') || !runtimes.includes('nodejs24.x') ? runtimes : undefined;
    });
  };
  // Those of the same compiler options at once.
  for (const [, group] of Map.groupBy(row.projects, ({ compilerOptions }) => compilerOptions)) {
    const { diagnostics, projects } = createProjects(
      installed,
      group.map((options) => ({ ...options, node: NODES[row.node] })),
    );
    await attempt('types', async () => diagnostics);
    for (const project of projects) await useProject(project);
  }
  await broker.stop();
  if (row.jest !== undefined)
    await attempt('jest', async () => {
      mkdirSync(join(root, 'jest'));
      cpSync('test/consumers/programs/jest.cjs', join(root, 'jest/kit.test.js'));
      writeFileSync(join(root, 'jest/package.json'), JSON.stringify({ name: 'project' }));
      const jest = join(root, 'node_modules/jest/bin/jest.js');
      return void (await run(NODES[row.node], [jest, '--rootDir', join(root, 'jest')], { cwd: root }));
    });
  return failures;
}

function manifestOf({ versions, jest }: Row, tarball: string): object {
  return {
    name: 'consumer',
    private: true,
    dependencies: {
      [PACKAGE]: `file:${tarball}`,
      ...versions,
      '@types/aws-lambda': '^8.0.0',
      '@types/node': '^22.0.0',
      ...(jest !== undefined && { jest: `^${jest}.0.0` }),
    },
  };
}

/** @returns how to install a folder; undefined if the registry has no such package manager or cannot be reached */
async function managerOf(manager: Row['manager']): Promise<((root: string) => Promise<unknown>) | undefined> {
  if (manager === 'npm') return (root) => run('npm', ['install', '--no-audit', '--no-fund'], { cwd: root });
  const { package: name, file, install } = MANAGERS[manager];
  const prefix = join(folder, manager.replace(' ', '-'));
  try {
    await run('npm', ['install', '--prefix', prefix, '--no-audit', '--no-fund', name]);
  } catch {
    return undefined;
  }
  const program = join(prefix, 'node_modules', name.replace(/(.)@.*/, '$1'), file);
  return (root) => run(process.execPath, [program, ...install], { cwd: root });
}

function outputOf(error: unknown): string {
  const {
    stdout = '',
    stderr = '',
    message = String(error),
  } = error as Partial<Record<'stdout' | 'stderr' | 'message', string>>;
  return `${message}\n${stdout}\n${stderr}`.trim().split('\n').slice(-30).join('\n');
}
