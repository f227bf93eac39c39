import { execFileSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { type Entry, extract } from './extract.ts';
import { readableModel } from './readable-model.ts';

/** `npm run docs`: the reference of the package's entries, as Markdown in `.docs`, out of the build's declarations. */

const root = fileURLToPath(new URL('../..', import.meta.url));
const out = join(root, '.docs');
const documenter = join(root, 'node_modules/@microsoft/api-documenter/bin/api-documenter');

const models = mkdtempSync(join(tmpdir(), 'plume-reference-'));
try {
  const { entries, gaps } = extract(root, models);
  for (const { entry, rule, text, place } of gaps)
    process.stderr.write(`${entry}: ${text} (${rule}, ${place})\n`);
  if (gaps.length > 0) process.exitCode = 1;
  for (const entry of entries) writeFileSync(entry.modelFile, readableModel(root, entry, entries));
  execFileSync(process.execPath, [documenter, 'markdown', '-i', models, '-o', out], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  nameEntries(entries);
} finally {
  rmSync(models, { recursive: true });
}

/** The documenter knows packages, and calls them by the names in the models. */
function nameEntries(entries: readonly Entry[]): void {
  for (const file of globSync(join(out, '*.md'))) {
    const text = entries.reduce(
      (page, { name, packageName }) =>
        page
          .replace(new RegExp(`^## ${packageName.split('/').at(-1)} package$`, 'm'), `## ${name}`)
          .replaceAll(packageName, name),
      readFileSync(file, 'utf8').replaceAll('\r\n', '\n'),
    );
    writeFileSync(file, text);
  }
}
