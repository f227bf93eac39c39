import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** One thing that is broken on purpose. */
export interface Mutant {
  readonly what: string;
  /** Inside `lib/`. */
  readonly file: string;
  /** Stands there once. */
  readonly from: string;
  readonly to: string;
}

const LIB = fileURLToPath(new URL('../../lib', import.meta.url));
/** Beside the tests, so that copies find the packages that they import. */
const FOLDER = fileURLToPath(new URL('.mutants', import.meta.url));

/** A copy of `lib/` with a mutant in it. */
function breakLib({ file, from, to }: Mutant): {
  load<Code>(path: string): Promise<Code>;
  remove(): void;
} {
  mkdirSync(FOLDER, { recursive: true });
  const copy = mkdtempSync(join(FOLDER, 'lib-'));
  cpSync(LIB, copy, { recursive: true });
  const source = readFileSync(join(LIB, file), 'utf8');
  if (source.split(from).length !== 2) {
    rmSync(copy, { recursive: true });
    throw new Error(`lib/${file} has no single place for a mutant: ${from}`);
  }
  writeFileSync(
    join(copy, file),
    source.replace(from, () => to),
  );
  return {
    load: (path) => import(pathToFileURL(join(copy, path)).href),
    remove: () => rmSync(copy, { recursive: true }),
  };
}

/** Runs with what files of `lib/` export in a copy that has a mutant in it. */
export async function withMutant<Code>(
  mutant: Mutant,
  files: readonly string[],
  run: (code: Code) => Promise<void>,
): Promise<void> {
  const broken = breakLib(mutant);
  try {
    const loaded = await Promise.all(files.map((file) => broken.load<object>(file)));
    await run(Object.assign({}, ...loaded) as Code);
  } finally {
    broken.remove();
  }
}
