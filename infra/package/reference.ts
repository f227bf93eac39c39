import { execFileSync } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

import { type Entry, extract } from './extract.ts';
import { joinPages } from './join-pages.ts';
import { readableModel } from './readable-model.ts';

/** `npm run docs`: the reference of the package's entries, as Markdown in `.docs`, out of the build's declarations. */

const root = fileURLToPath(new URL('../..', import.meta.url));
const out = join(root, '.docs');
const documenter = join(root, 'node_modules/@microsoft/api-documenter/bin/api-documenter');

const work = mkdtempSync(join(tmpdir(), 'plume-reference-'));
const models = join(work, 'models');
try {
  const { entries, gaps } = extract(root, models);
  for (const { entry, rule, text, place } of gaps)
    process.stderr.write(`${entry}: ${text} (${rule}, ${place})\n`);
  if (gaps.length > 0) process.exitCode = 1;
  for (const entry of entries) writeFileSync(entry.modelFile, readableModel(root, entry, entries));
  execFileSync(process.execPath, [documenter, 'markdown', '-i', models, '-o', join(work, 'pages')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  write(entries);
  process.stdout.write(`The reference: ${relative(process.cwd(), join(out, 'index.md'))}\n`);
} finally {
  rmSync(work, { recursive: true });
}

/** One page an entry, and an index of them. The documenter knows packages, and calls them by the names in the models. */
function write(entries: readonly Entry[]): void {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out);
  const pages = globSync('*.md', { cwd: join(work, 'pages') }).map((file) => ({
    file,
    text: readFileSync(join(work, 'pages', file), 'utf8'),
  }));
  const shortName = ({ packageName }: Entry): string => packageName.split('/').at(-1) ?? packageName;
  for (const entry of entries) {
    const text = entries.reduce(
      (page, { packageName, name }) =>
        page
          .replace(new RegExp(`^## ${packageName.split('/').at(-1)} package$`, 'm'), `# ${name}`)
          .replaceAll(packageName, name),
      joinPages(shortName(entry), pages, (other) => `${other}.md`),
    );
    writeFileSync(join(out, `${shortName(entry)}.md`), `${text}\n`);
  }
  const list = entries.map(
    (entry) => `- [${entry.name}](${shortName(entry)}.md): ${entry.exports.length} exports`,
  );
  writeFileSync(join(out, 'index.md'), `# Reference\n\n${list.join('\n')}\n`);
}
