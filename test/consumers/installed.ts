import { execFileSync } from 'node:child_process';
import {
  cpSync,
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

/** A repository of somebody else's, with the packed package installed. */
export interface Installed {
  readonly root: string;
  readonly tarball: string;
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
 * Packs the package and unpacks it beside the consumers. Of the repository's packages they get those alone that the
 * package declares: what it imports without saying so is not found. No registry is asked.
 */
export function install(): Installed {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'plume-consumer-')));
  const packed = execFileSync('npm', ['pack', '--json', '--pack-destination', root], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  // What the build prints comes before.
  const name = /"filename":\s*"([^"]+)"/.exec(packed)?.[1];
  if (name === undefined) throw new Error(`npm pack named no file: ${packed}`);
  const tarball = join(root, name);
  const packageRoot = join(root, 'node_modules', PACKAGE);
  mkdirSync(packageRoot, { recursive: true });
  execFileSync('tar', ['-xzf', tarball, '-C', packageRoot, '--strip-components', '1']);

  const { dependencies, peerDependencies } = JSON.parse(
    readFileSync(join(packageRoot, 'package.json'), 'utf8'),
  ) as Manifest;
  for (const dependency of [
    ...Object.keys(dependencies),
    ...Object.keys(peerDependencies),
    ...OF_THEIR_OWN,
  ]) {
    const link = join(root, 'node_modules', dependency);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(resolve('node_modules', dependency), link);
  }
  writeFileSync(join(root, 'package.json'), JSON.stringify({ name: 'consumer', type: 'module' }));
  // The CDK looks for it, to know where a repository begins.
  writeFileSync(join(root, 'package-lock.json'), JSON.stringify({ name: 'consumer', lockfileVersion: 3 }));
  for (const consumer of ['cdk-stack', 'script'])
    cpSync(join('test/consumers', consumer), join(root, consumer), { recursive: true });
  return { root, tarball, packageRoot, remove: () => rmSync(root, { recursive: true, force: true }) };
}
