import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

/**
 * The inside of an instance as plain JavaScript. Node could strip its types itself, but would do so in every
 * thread anew: that costs more than loading a function.
 */
export async function compileThread(): Promise<URL> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('./thread.ts', import.meta.url))],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    write: false,
    logLevel: 'error',
  });
  return new URL(`data:text/javascript,${encodeURIComponent(outputFiles[0]?.text ?? '')}`);
}
