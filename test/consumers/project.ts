import { execFile, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
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
  readonly name: string;
  /** Runs a compiled program, and returns the last line of what it printed. */
  run(program: Program, environment?: Readonly<Record<string, string>>): Promise<string>;
}

/** Projects that were compiled together. */
export interface Compiled {
  /** What the compiler says of the programs and of the package's declarations; not of other packages'. */
  readonly diagnostics: string;
  readonly projects: readonly Project[];
}

const OPTIONS = { target: 'es2022', module: 'node16', strict: true, types: ['node'] };

/** As ES modules. */
export const MODULES: ProjectOptions = {
  name: 'ES modules',
  type: 'module',
  compilerOptions: OPTIONS,
  programs: ['kit', 'script', 'stack', 'worker'],
};

/** As CommonJS, where the loader knows no ES module: so does jest's. Middy 7 is of ES modules alone. */
export const COMMONJS: ProjectOptions = {
  name: 'CommonJS',
  type: 'commonjs',
  compilerOptions: OPTIONS,
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
    typeRoots: ['./node_modules/@types'],
  },
  programs: ['kit', 'script', 'stack', 'worker'],
};

/**
 * Copies the programs into a folder of the consumer for each project, and compiles those at once that have the same compiler
 * options, with the consumer's compiler: most of the work is to read the types of the CDK.
 *
 * @param more other folders of the consumer that are compiled with them, and other compiler options
 */
export function createProjects(
  { root }: Installed,
  options: readonly ProjectOptions[],
  more: { readonly folders?: readonly string[]; readonly compilerOptions?: object } = {},
): Compiled {
  for (const { name, type, programs } of options) {
    const folder = folderOf(name);
    for (const program of programs)
      cpSync(`test/consumers/programs/${program}.ts`, join(root, folder, `${program}.ts`));
    for (const place of [folder, join('out', folder)]) {
      mkdirSync(join(root, place), { recursive: true });
      writeFileSync(join(root, place, 'package.json'), JSON.stringify({ name: 'project', type }));
    }
  }
  const configs = [...Map.groupBy(options, ({ compilerOptions }) => compilerOptions)].map(
    ([compilerOptions, group]) => {
      const folders = group.map(({ name }) => folderOf(name));
      const config = join(root, `tsconfig.${folders[0]}.json`);
      writeFileSync(
        config,
        JSON.stringify({
          compilerOptions: { ...compilerOptions, ...more.compilerOptions, rootDir: '.', outDir: 'out' },
          include: [...folders, ...(more.folders ?? [])].map((folder) => `${folder}/*.ts`),
        }),
      );
      return config;
    },
  );
  return {
    diagnostics: compile(root, configs),
    projects: options.map(({ name, node = process.execPath, nodeOptions = [] }) => ({
      name,
      async run(program, environment = {}) {
        const parameters = [...nodeOptions, join(root, 'out', folderOf(name), `${program}.js`)];
        // The broker that the program may use is in this process.
        const { stdout } = await promisify(execFile)(node, parameters, {
          cwd: root,
          env: { ...process.env, ...environment },
        });
        return stdout.trim().split('\n').at(-1) ?? '';
      },
    })),
  };
}

function folderOf(name: string): string {
  return name.replaceAll(' ', '-');
}

/** Not a declaration of another package. */
const OWN = new RegExp(`^(?!.*node_modules/(?!${PACKAGE}/))`);

/** TypeScript 7 is fast enough to check all declarations of the CDK. */
function compile(root: string, configs: readonly string[]): string {
  const typescript = join(root, 'node_modules/typescript');
  const { version } = JSON.parse(readFileSync(join(typescript, 'package.json'), 'utf8'));
  const node = (...parameters: string[]): string => {
    const { stdout, stderr } = spawnSync(process.execPath, parameters, { cwd: root, encoding: 'utf8' });
    if (stderr !== '') throw new Error(stderr);
    return stdout;
  };
  const said: readonly string[] =
    Number.parseInt(version, 10) < 7
      ? JSON.parse(node(resolve('test/consumers/programs/compile.cjs'), OWN.source, ...configs))
      : configs.map((config) => node(join(typescript, 'bin/tsc'), '-p', config, '--pretty', 'false'));
  return said
    .flatMap((text, index) =>
      text
        // Lines that are indented go on with the one before them.
        .split(/\n(?! )/)
        .filter((message) => message !== '' && OWN.test(message.split('(')[0] ?? ''))
        .map((message) => `${basename(configs[index] ?? '')}: ${message}`),
    )
    .join('\n');
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
