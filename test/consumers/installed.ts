import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

export const PACKAGE = 'plume-m2m-token-broker';

/** Somebody else's repository, with the packed package installed. */
export interface Installed {
  readonly root: string;
  /** The package as it was unpacked. */
  readonly packageRoot: string;
  remove(): void;
}

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

/** What the consumers need besides: their own tools and types. */
const OF_THEIR_OWN = ['@aws-lambda-powertools/batch', '@types/node', 'typescript'];

/**
 * What `npm pack` makes, built and packed in a folder of its own: test files run at the same time.
 *
 * @param folder absolute, empty; takes the build, too
 * @returns the tarball's absolute path
 */
export function pack(folder: string): string {
  execFileSync(process.execPath, ['infra/package/build.ts', join(folder, '.package')], { stdio: 'pipe' });
  for (const file of ['package.json', 'README.md', 'CHANGELOG.md', 'LICENSE'])
    copyFileSync(file, join(folder, file));
  const packed = execFileSync('npm', ['pack', '--json', '--ignore-scripts'], {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const name = /"filename":\s*"([^"]+)"/.exec(packed)?.[1];
  if (name === undefined) throw new Error(`npm pack named no file: ${packed}`);
  return join(folder, name);
}

/**
 * Unpacks the package beside somebody else's code. Of the repository's packages it gets those alone that the package
 * declares: what it imports without saying so is not found. No registry is asked.
 *
 * @param tarball what `pack` made
 * @param versions a folder whose `node_modules` come before the repository's: other versions of the same packages
 */
export function install(tarball: string, versions = '.'): Installed {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'plume-consumer-')));
  const packageRoot = join(root, 'node_modules', PACKAGE);
  mkdirSync(packageRoot, { recursive: true });
  execFileSync('tar', ['-xzf', tarball, '-C', packageRoot, '--strip-components', '1']);

  const { dependencies, peerDependencies } = JSON.parse(
    readFileSync(join(packageRoot, 'package.json'), 'utf8'),
  ) as Manifest;
  for (const name of [...Object.keys(dependencies), ...Object.keys(peerDependencies), ...OF_THEIR_OWN]) {
    const link = join(root, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    const other = resolve(versions, 'node_modules', name);
    symlinkSync(existsSync(other) ? other : resolve('node_modules', name), link);
  }
  // The CDK looks for it, to know where a repository begins.
  writeFileSync(join(root, 'package-lock.json'), JSON.stringify({ name: 'consumer', lockfileVersion: 3 }));
  return { root, packageRoot, remove: () => rmSync(root, { recursive: true, force: true }) };
}
