import { execFile, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

import { type Installed, PACKAGE } from './installed.ts';

/** How somebody else's project reads and runs the programs in `test/consumers/programs`. */
export interface ProjectOptions {
  readonly name: string;
  readonly type: 'module' | 'commonjs';
  readonly compilerOptions: Readonly<Record<string, unknown>>;
  /** Programs that the project has: without `.ts`. */
  readonly programs: readonly Program[];
  /** Node's own. */
  readonly node?: string;
  readonly nodeOptions?: readonly string[];
}

export type Program = 'kit' | 'script' | 'stack' | 'worker';

/** One project in a consumer's repository. */
export interface Project {
  /** What the compiler says of the programs and of the package's declarations; not of other packages'. */
  readonly diagnostics: string;
  /** Runs a compiled program, and returns the last line of what it printed. */
  run(program: Program, environment?: Readonly<Record<string, string>>): Promise<string>;
}

/** As ES modules. */
export const MODULES: ProjectOptions = {
  name: 'ES modules',
  type: 'module',
  compilerOptions: { target: 'es2022', module: 'nodenext', strict: true, types: ['node'] },
  programs: ['kit', 'script', 'stack', 'worker'],
};

/** As CommonJS, where the loader knows no ES module: so does jest's. Middy 7 is of ES modules alone. */
export const COMMONJS: ProjectOptions = {
  name: 'CommonJS',
  type: 'commonjs',
  compilerOptions: { target: 'es2022', module: 'node16', strict: true, types: ['node'] },
  programs: ['kit', 'script', 'stack'],
  nodeOptions: ['--no-experimental-require-module'],
};

/** CommonJS with the tsconfig that `cdk init` wrote for years: its resolution knows no `exports`. */
export const CDK_INIT: ProjectOptions = {
  ...COMMONJS,
  name: 'CommonJS as cdk init had it',
  compilerOptions: {
    target: 'ES2018',
    module: 'commonjs',
    lib: ['es2018', 'dom'],
    strict: true,
    strictPropertyInitialization: false,
    experimentalDecorators: true,
    esModuleInterop: true,
    typeRoots: ['../node_modules/@types'],
  },
  programs: ['kit', 'script', 'stack', 'worker'],
};

/** Copies the programs into a folder of the consumer and compiles them with the consumer's compiler. */
export function createProject({ root }: Installed, options: ProjectOptions): Project {
  const { name, type, compilerOptions, programs, node = process.execPath, nodeOptions = [] } = options;
  const folder = join(root, name.replaceAll(' ', '-'));
  mkdirSync(folder);
  for (const program of programs)
    cpSync(`test/consumers/programs/${program}.ts`, join(folder, `${program}.ts`));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'project', type }));
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: { ...compilerOptions, outDir: 'out' }, include: ['*.ts'] }),
  );
  const compiled = spawnSync(
    join(root, 'node_modules/typescript/bin/tsc'),
    ['-p', folder, '--pretty', 'false'],
    {
      cwd: root,
      encoding: 'utf8',
    },
  );
  const ofOthers = new RegExp(`node_modules/(?!${PACKAGE}/)`);
  return {
    diagnostics: compiled.stdout
      .split('\n')
      .filter((line) => line !== '' && !ofOthers.test(line.split('(')[0] ?? ''))
      .join('\n'),
    async run(program, environment = {}) {
      const parameters = [...nodeOptions, join(folder, 'out', `${program}.js`)];
      // The broker that the program may use is in this process.
      const { stdout } = await promisify(execFile)(node, parameters, {
        cwd: root,
        env: { ...process.env, ...environment },
      });
      return stdout.trim().split('\n').at(-1) ?? '';
    },
  };
}

/** The runtimes of the functions in a template that a project's stack made. */
export function runtimesIn(assembly: string): readonly string[] {
  const template = JSON.parse(readFileSync(resolve(assembly, 'Locations.template.json'), 'utf8'));
  return Object.values(
    template.Resources as Record<string, { Type: string; Properties: { Runtime: string } }>,
  )
    .filter(({ Type }) => Type === 'AWS::Lambda::Function')
    .map(({ Properties }) => Properties.Runtime);
}
