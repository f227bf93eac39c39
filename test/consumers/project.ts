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
 * Copies the programs into a folder of the consumer for each project, and compiles all of them at once with the consumer's
 * compiler: most of the work is to read the types of the CDK.
 *
 * @param options of the same compiler options, those of the first
 * @param more other folders of the consumer that are compiled with them, and other compiler options
 */
export function createProjects(
  { root }: Installed,
  options: readonly ProjectOptions[],
  more: { readonly folders?: readonly string[]; readonly compilerOptions?: object } = {},
): Compiled {
  const folders = options.map(({ name, type, programs }) => {
    const folder = name.replaceAll(' ', '-');
    for (const program of programs)
      cpSync(`test/consumers/programs/${program}.ts`, join(root, folder, `${program}.ts`));
    for (const place of [folder, join('out', folder)]) {
      mkdirSync(join(root, place), { recursive: true });
      writeFileSync(join(root, place, 'package.json'), JSON.stringify({ name: 'project', type }));
    }
    return folder;
  });
  const config = join(root, `tsconfig.${folders[0]}.json`);
  writeFileSync(
    config,
    JSON.stringify({
      compilerOptions: {
        ...options[0]?.compilerOptions,
        ...more.compilerOptions,
        rootDir: '.',
        outDir: 'out',
      },
      include: [...folders, ...(more.folders ?? [])].map((folder) => `${folder}/*.ts`),
    }),
  );
  return {
    diagnostics: compile(root, config),
    projects: options.map(({ name, node = process.execPath, nodeOptions = [] }) => ({
      name,
      async run(program, environment = {}) {
        const parameters = [...nodeOptions, join(root, 'out', name.replaceAll(' ', '-'), `${program}.js`)];
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

/** Not a declaration of another package. */
const OWN = new RegExp(`^(?!.*node_modules/(?!${PACKAGE}/))`);

/** TypeScript 7 is fast enough to check all declarations of the CDK. */
function compile(root: string, config: string): string {
  const typescript = join(root, 'node_modules/typescript');
  const { version } = JSON.parse(readFileSync(join(typescript, 'package.json'), 'utf8'));
  const command =
    Number.parseInt(version, 10) < 7
      ? [resolve('test/consumers/programs/compile.cjs'), config, OWN.source]
      : [join(typescript, 'bin/tsc'), '-p', config, '--pretty', 'false'];
  const { stdout, stderr } = spawnSync(process.execPath, command, { cwd: root, encoding: 'utf8' });
  // Lines that are indented go on with the one before them.
  return [...stdout.split(/\n(?! )/), stderr]
    .filter((message) => message !== '' && OWN.test(message.split('(')[0] ?? ''))
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
