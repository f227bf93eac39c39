import { fileURLToPath } from 'node:url';

/**
 * How a function becomes the file that Lambda runs, in AWS and on this machine alike. The AWS SDK is bundled: the
 * runtime's own copy changes without notice and starts slower.
 */

export const FUNCTION_NAMES = ['minter', 'worker', 'inspector', 'operator', 'caller'] as const;

export type FunctionName = (typeof FUNCTION_NAMES)[number];

/** Absolute path of a function's source. */
export function entryOf(name: FunctionName): string {
  return fileURLToPath(new URL(`../functions/${name}/handler.ts`, import.meta.url));
}

/** esbuild's options that both worlds share. */
export const BUNDLING = {
  target: 'node24',
  minify: true,
  sourceMap: true,
  mainFields: ['module', 'main'],
  /** CommonJS dependencies inside an ES module still call `require` for Node's own modules. */
  banner:
    "import { createRequire as createBundleRequire } from 'node:module'; const require = createBundleRequire(import.meta.url);",
} as const;
