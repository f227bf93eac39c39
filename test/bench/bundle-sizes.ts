import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

import { BUNDLING, entryOf } from '../../infra/bundling.ts';

/** Functions as they are deployed, and what is compared with them, bundled in the same way. */
export const ENTRIES = {
  bare: 'test/bench/functions/bare.ts',
  hello: 'test/consumers/cdk-stack/hello.ts',
  powertools: 'test/bench/functions/powertools.ts',
  worker: entryOf('worker'),
  minter: entryOf('minter'),
} as const;

export type EntryName = keyof typeof ENTRIES;

export interface MeasuredBundle {
  /** A file: URL. */
  readonly url: string;
  readonly bytes: number;
  readonly modules: number;
  /** By package; what is of this repository is `lib` or `functions`. */
  readonly bytesOf: ReadonlyMap<string, number>;
}

export async function measureBundles(): Promise<{
  readonly bundles: Readonly<Record<EntryName, MeasuredBundle>>;
  remove(): void;
}> {
  const outdir = await mkdtemp(join(tmpdir(), 'plume-bench-'));
  const { banner, mainFields, sourceMap: _, ...options } = BUNDLING;
  const { metafile } = await build({
    ...options,
    mainFields: [...mainFields],
    banner: { js: banner },
    entryPoints: { ...ENTRIES },
    outdir,
    outExtension: { '.js': '.mjs' },
    // The package by its own name, before it is built.
    alias: { 'plume-m2m-token-broker': resolve('lib/index.ts') },
    bundle: true,
    platform: 'node',
    format: 'esm',
    metafile: true,
    logLevel: 'error',
  });
  const bundles = Object.entries(metafile.outputs).map(([file, { bytes, inputs }]) => {
    const used = Object.entries(inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0);
    const bytesOf = new Map<string, number>();
    for (const [input, { bytesInOutput }] of used) {
      const origin = originOf(input);
      bytesOf.set(origin, (bytesOf.get(origin) ?? 0) + bytesInOutput);
    }
    const name = /(\w+)\.mjs$/.exec(file)?.[1];
    return [name, { url: pathToFileURL(resolve(file)).href, bytes, modules: used.length, bytesOf }];
  });
  return {
    bundles: Object.fromEntries(bundles),
    remove: () => rmSync(outdir, { recursive: true, force: true }),
  };
}

function originOf(file: string): string {
  return /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? file.split('/')[0] ?? file;
}
