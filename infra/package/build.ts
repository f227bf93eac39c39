import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build } from 'esbuild';

import { BUNDLING, entryOf, type FunctionName } from '../bundling.ts';
import { buildCommonJs, LOWEST_NODE } from './commonjs.ts';
import { llmsText } from './llms.ts';

/**
 * `npm run build [folder]`: what the npm package holds, in `.package`. Library, constructs and test kit as ES modules and as
 * CommonJS, the functions and the command as bundles, and all that is to be read in one file.
 */

const root = fileURLToPath(new URL('../..', import.meta.url));
const out = resolve(process.argv[2] ?? `${root}/.package`);

const ENTRIES = ['lib/index', 'infra/aws/index', 'infra/testing/index'];
/** The construct's own. The reference worker belongs to this repository's stack. */
const FUNCTIONS: readonly FunctionName[] = ['minter', 'inspector', 'operator', 'caller'];

const { name, dependencies, peerDependencies } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'));

const { banner, mainFields, sourceMap, ...options } = BUNDLING;
/** How a bundle is made that runs by itself. */
const BUNDLE: BuildOptions = {
  ...options,
  mainFields: [...mainFields],
  banner: { js: banner },
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  format: 'esm',
  logLevel: 'warning',
};

rmSync(out, { recursive: true, force: true });
execFileSync(`${root}/node_modules/.bin/tsc`, ['-p', `${root}/infra/package`, '--outDir', out], {
  stdio: 'inherit',
});
await buildCommonJs({
  root,
  out,
  entries: ENTRIES,
  packages: Object.keys({ ...dependencies, ...peerDependencies }),
});
await build({
  ...BUNDLE,
  entryPoints: Object.fromEntries(FUNCTIONS.map((name) => [`${name}/index`, entryOf(name)])),
  outdir: `${out}/infra/bundles`,
  sourcemap: sourceMap,
  // Lines of a stack need names and places, not the source's text, which is most of a map.
  sourcesContent: false,
});
await build({
  ...BUNDLE,
  // The user's Node, not Lambda's.
  target: LOWEST_NODE,
  entryPoints: { command: `${root}/infra/command/main.ts` },
  outdir: out,
});
writeFileSync(
  `${out}/llms.txt`,
  llmsText(
    root,
    Object.fromEntries(
      ENTRIES.map((entry, index) => [`${name}${['', '/cdk', '/testing'][index]}`, `${out}/${entry}.d.ts`]),
    ),
  ),
);
