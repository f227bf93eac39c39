import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Entry } from './extract.ts';

/** The parts of a model's items that are changed here. */
interface Item {
  readonly kind: string;
  readonly name: string;
  readonly docComment: string;
  readonly fileUrlPath: string;
}

/**
 * The model of an entry as api-documenter shows it best. It does not know the CDK's `@default`, nor that what a property
 * holds may throw; it gives two names that differ in capitals one page, shows types in braces without the docstrings in
 * them, and makes no link of what another entry exports.
 *
 * @returns the model's JSON
 */
export function readableModel(packageRoot: string, entry: Entry, entries: readonly Entry[]): string {
  const linked = readFileSync(entry.modelFile, 'utf8').replaceAll(/"[^"!]+!~(\w+):/g, (reference, name) => {
    const owner = entries.find((other) => other.exports.includes(name));
    return owner === undefined ? reference : `"${owner.packageName}!${name}:`;
  });
  const names = entry.exports.map((name) => name.toLowerCase());
  return JSON.stringify(JSON.parse(linked, readable));

  function readable(_key: string, value: unknown): unknown {
    if (!isItem(value)) return value;
    const { kind, name } = value;
    // The second of two that have one name gets a page of its own.
    const isSecond = kind === 'Function' && names.filter((other) => other === name.toLowerCase()).length > 1;
    return {
      ...value,
      docComment: docCommentOf(value),
      ...(isSecond && { overloadIndex: 2 }),
      ...(kind === 'Variable' && declarationOf(packageRoot, value)),
    };
  }
}

function isItem(value: unknown): value is Item {
  return typeof value === 'object' && value !== null && 'kind' in value && 'docComment' in value;
}

function docCommentOf({ kind, docComment }: Item): string {
  const known = docComment.replace(/@default(\s[\s*]*)(?:- )?/, '@defaultValue$1');
  return kind === 'PropertySignature' ? known.replace(/@throws[\s*]*/, '@remarks\n * Throws ') : known;
}

/** Nothing if it is not a type in braces. */
function declarationOf(packageRoot: string, { name, fileUrlPath }: Item): object | undefined {
  const declaration = new RegExp(`^export (declare const ${name}: \\{\\n[\\s\\S]*?^\\};)$`, 'm');
  const text = declaration.exec(readFileSync(join(packageRoot, fileUrlPath), 'utf8'))?.[1];
  if (text === undefined) return undefined;
  return {
    excerptTokens: [{ kind: 'Content', text }],
    variableTypeTokenRange: { startIndex: 0, endIndex: 0 },
  };
}
