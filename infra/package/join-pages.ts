/** A page as api-documenter writes it: one an item. */
export interface ItemPage {
  /** Such as `cdk.tokenbroker.md`. */
  readonly file: string;
  readonly text: string;
}

/**
 * The reference of one entry as one page: its tables first, which serve as contents, then every item under them.
 *
 * @param entry the name that the files of its pages begin with, such as `cdk`
 * @param pages of all entries
 * @param fileOf the page on which another entry's items stand
 */
export function joinPages(
  entry: string,
  pages: readonly ItemPage[],
  fileOf: (entry: string) => string,
): string {
  const own = pages.filter(({ file }) => entryOf(file) === entry);
  const sorted = own.toSorted((a, b) => idOf(a.file).localeCompare(idOf(b.file)));
  const linked = ({ file, text }: ItemPage): string =>
    `<a id="${idOf(file)}"></a>\n\n${withoutTrail(text)}`.replaceAll(
      /\]\(\.\/([\w.-]+)\.md\)/g,
      (_, target: string) =>
        target === 'index'
          ? '](index.md)'
          : `](${entryOf(target) === entry ? '' : fileOf(entryOf(target))}#${target})`,
    );
  return sorted.map((page) => linked(page).trim()).join('\n\n');
}

/** `cdk.tokenbroker.md` is of the entry `cdk`. */
export function entryOf(file: string): string {
  return file.split('.')[0] ?? '';
}

function idOf(file: string): string {
  return file.replace(/\.md$/, '');
}

/** Without the comment that names its generator, and without links to pages that no longer exist. */
function withoutTrail(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replace(/^<!-- .*? -->\n+/, '')
    .replace(/^\[Home\]\(.*\n+/, '')
    .replaceAll(/(?<=\n[\s\S]*)^## /gm, '#### ');
}
