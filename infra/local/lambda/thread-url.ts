import { readFile } from 'node:fs/promises';

import { transform } from 'esbuild';

/**
 * The inside of an instance as plain JavaScript. Node could take its types away by itself, and would do so in every
 * thread anew: that costs more than loading a function.
 */
export async function compileThread(): Promise<URL> {
  const source = await readFile(new URL('./thread.ts', import.meta.url), 'utf8');
  const { code } = await transform(source, { loader: 'ts', target: 'node24' });
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}
