import { element } from './dom.ts';

/** A table that is scrolled sideways where the screen is narrow: by the keyboard too. */
export function wideTable(
  label: string,
  columns: readonly string[],
): { readonly root: HTMLElement; fill(rows: readonly (readonly string[])[]): void } {
  const body = element('tbody');
  const heads = columns.map((column) => element('th', { scope: 'col' }, column));
  const table = element('table', {}, element('thead', {}, element('tr', {}, ...heads)), body);
  return {
    root: element('div', { class: 'wide', tabindex: '0', role: 'region', 'aria-label': label }, table),
    fill(rows) {
      body.replaceChildren(
        ...rows.map((row) => element('tr', {}, ...row.map((cell) => element('td', {}, cell)))),
      );
    },
  };
}
