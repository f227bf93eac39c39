import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build, transform } from 'esbuild';

/**
 * The package's entries once more as CommonJS, for programs whose loader knows nothing else: default jest, ts-node, and
 * what `cdk init` made for years. They stand beside the modules, with the same names but for the extension.
 */

/** Dependencies that are only ES modules. Bundled, since jest cannot `require` them. */
const BUNDLED = ['jose', 'oauth4webapi', 'p-map'];

/** The lowest that package.json promises. */
export const LOWEST_NODE = 'node22.12';

/** `import.meta.url` in CommonJS. */
const MODULE_URL = {
  name: 'moduleUrl',
  definition: "const moduleUrl = require('node:url').pathToFileURL(__filename).href;",
};

export interface CommonJsOptions {
  /** Absolute: the repository. */
  readonly root: string;
  /** Absolute: where the declarations of the ES modules are, and where the result is put. */
  readonly out: string;
  /** The entries' sources without their extension, such as `lib/index`. */
  readonly entries: readonly string[];
  /** What the entries import from other packages. */
  readonly packages: readonly string[];
}

export async function buildCommonJs({ root, out, entries, packages }: CommonJsOptions): Promise<void> {
  const { outputFiles } = await build({
    entryPoints: Object.fromEntries(entries.map((entry) => [entry, join(root, `${entry}.ts`)])),
    outdir: out,
    outExtension: { '.js': '.cjs' },
    chunkNames: 'commonjs/[hash]',
    bundle: true,
    // What entries share they share here too: an error of the test kit is one of the runtime. esbuild splits ES modules
    // alone, so each part becomes CommonJS afterwards.
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: LOWEST_NODE,
    external: packages.filter((name) => !BUNDLED.includes(name)),
    write: false,
    logLevel: 'warning',
  });
  for (const { path, text } of outputFiles) {
    const { code } = await transform(text, {
      format: 'cjs',
      platform: 'node',
      target: LOWEST_NODE,
      define: { 'import.meta.url': MODULE_URL.name },
      banner: text.includes('import.meta.url') ? MODULE_URL.definition : '',
      logLevel: 'warning',
    });
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, code);
  }
  const written = new Set<string>();
  for (const entry of entries) writeDeclarations(join(out, `${entry}.d.ts`), written);
}

/** Of a module and of those whose declarations it mentions. */
function writeDeclarations(file: string, written: Set<string>): void {
  if (written.has(file)) return;
  written.add(file);
  const text = readFileSync(file, 'utf8');
  const mentioned: string[] = [];
  const commonJs = text.replaceAll(
    /((?:from|import\() ?['"])(\.[^'"]+)\.ts(?=['"])/g,
    (_, before, specifier) => {
      mentioned.push(join(dirname(file), `${specifier}.d.ts`));
      return `${before}${specifier}.cjs`;
    },
  );
  writeFileSync(file.replace(/\.d\.ts$/, '.d.cts'), commonJs);
  for (const other of mentioned) writeDeclarations(other, written);
}
