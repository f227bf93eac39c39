import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { build } from 'esbuild';

import { BUNDLING, entryOf, FUNCTION_NAMES, type FunctionName } from '../../bundling.ts';

/** Bundles, as they are deployed, in a directory of their own. */
export interface Bundles<Name extends string> {
  urlOf(name: Name): string;
  remove(): Promise<void>;
}

/** @param entries absolute path of each function's source */
export async function bundle<Name extends string>(
  entries: Readonly<Record<Name, string>>,
): Promise<Bundles<Name>> {
  const outdir = await mkdtemp(join(tmpdir(), 'plume-bundles-'));
  const remove = (): void => rmSync(outdir, { recursive: true, force: true });
  process.once('exit', remove);
  const { banner, mainFields, sourceMap, ...options } = BUNDLING;
  await build({
    ...options,
    mainFields: [...mainFields],
    banner: { js: banner },
    entryPoints: entries,
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
    remove: async () => {
      process.off('exit', remove);
      remove();
    },
  };
}

export async function bundleFunctions(): Promise<Bundles<FunctionName>> {
  const entries = FUNCTION_NAMES.map((name) => [name, entryOf(name)] as const);
  return bundle(Object.fromEntries(entries) as Record<FunctionName, string>);
}
