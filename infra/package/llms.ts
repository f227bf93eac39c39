import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * `llms.txt`: the chapters that the author of a worker needs, and every export with what its docstring says first, in one file.
 * For people whose tools write their worker.
 *
 * @see https://llmstxt.org
 */

const CHAPTERS = [
  'README.md',
  'lib/README.md',
  'lib/troubleshooting.md',
  'lib/budget/README.md',
  'functions/worker/README.md',
  'infra/aws/README.md',
  'infra/aws/workers.md',
  'infra/aws/operate.md',
  'infra/aws/alarms.md',
  'infra/aws/security.md',
];

/** @param declarations a file of declarations of each entry, by the name that importers know it by */
export function llmsText(root: string, declarations: Readonly<Record<string, string>>): string {
  const { name, description } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const chapters = CHAPTERS.map((file) =>
    readFileSync(join(root, file), 'utf8').replaceAll(/^!\[.*\n\n/gm, ''),
  );
  const exported = Object.entries(declarations).map(([entry, file]) => `## ${entry}\n\n${listOf(file)}\n`);
  return [`# ${name}\n\n> ${description}\n`, ...chapters, '# Exports\n', ...exported].join('\n');
}

/** What an entry exports, a line each. */
function listOf(file: string): string {
  const exported = readFileSync(file, 'utf8').matchAll(/^export (?:type )?\{([^}]+)\} from '(.+)';/gm);
  return [...exported]
    .flatMap(([, names = '', path = '']) =>
      names
        .split(',')
        .map((name) => name.replace(/^\s*type /, '').trim())
        .filter((name) => name !== '')
        .map((name) => `- \`${name}\`: ${summaryOf(name, join(dirname(file), path))}`),
    )
    .join('\n');
}

/** The first paragraph of a declaration's docstring, where it is or where it comes from. */
function summaryOf(name: string, module: string): string {
  const file = module.replace(/\.[jt]s$/, '.d.ts');
  const text = readFileSync(file, 'utf8');
  const declared = new RegExp(
    `/\\*\\*((?:(?!\\*/)[\\s\\S])*)\\*/\\s*export (?:declare )?(?:abstract )?\\w+ ${name}\\b`,
  ).exec(text);
  const [, from] = new RegExp(`^export .*\\b${name}\\b.* from '(.+)';`, 'm').exec(text) ?? [];
  if (declared === null) return from === undefined ? '' : summaryOf(name, join(dirname(file), from));
  const [paragraph = ''] = (declared[1] ?? '')
    .replaceAll(/^\s*\* ?/gm, '')
    .trim()
    .split(/\n\s*\n|\n@/);
  return paragraph.replaceAll(/\s+/g, ' ').replaceAll(/\{@link (\w+)\}/g, '$1');
}
