import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

import { BUNDLING, entryOf, type FunctionName } from '../bundling.ts';

/** `npm run build`: what the npm package holds, in `.package`. Library and constructs as modules, the functions as bundles. */

const root = fileURLToPath(new URL('../..', import.meta.url));
const out = `${root}/.package`;

/** The construct's own. The reference worker belongs to this repository's stack. */
const FUNCTIONS: readonly FunctionName[] = ['minter', 'inspector'];

rmSync(out, { recursive: true, force: true });
execFileSync(`${root}/node_modules/.bin/tsc`, ['-p', `${root}/infra/package`], { stdio: 'inherit' });
const { banner, mainFields, sourceMap, ...options } = BUNDLING;
await build({
  ...options,
  mainFields: [...mainFields],
  banner: { js: banner },
  entryPoints: Object.fromEntries(FUNCTIONS.map((name) => [`${name}/index`, entryOf(name)])),
  outdir: `${out}/infra/bundles`,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  format: 'esm',
  sourcemap: sourceMap,
  logLevel: 'warning',
});
