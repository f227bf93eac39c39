import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { build } from 'esbuild';

import { BUNDLING, entryOf, FUNCTION_NAMES, type FunctionName } from '../bundling.ts';

/** The functions' bundles, as they are deployed, in a directory of their own. */
export interface Bundles {
  urlOf(name: FunctionName): string;
  remove(): Promise<void>;
}

export async function bundleFunctions(): Promise<Bundles> {
  const outdir = await mkdtemp(join(tmpdir(), 'plume-bundles-'));
  const { banner, mainFields, sourceMap, ...options } = BUNDLING;
  await build({
    ...options,
    mainFields: [...mainFields],
    banner: { js: banner },
    entryPoints: Object.fromEntries(FUNCTION_NAMES.map((name) => [name, entryOf(name)])),
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    sourcemap: sourceMap,
    logLevel: 'error',
  });
  return {
    urlOf: (name) => pathToFileURL(join(outdir, `${name}.mjs`)).href,
    remove: () => rm(outdir, { recursive: true, force: true }),
  };
}
