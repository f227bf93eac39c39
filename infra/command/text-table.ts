/** A row of cells by column. */
export type Row = Readonly<Record<string, unknown>>;

/**
 * Rows as people read them, in columns of equal width. Columns come in the order in which rows bring them up.
 *
 * @param title a line above it
 */
export function textTable(title: string, rows: readonly Row[]): string {
  if (rows.length === 0) return `${title}: none\n`;
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cells = [columns, ...rows.map((row) => columns.map((column) => textOf(row[column])))];
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => line[index]?.length ?? 0)));
  const lines = cells.map((line) =>
    line
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return `${title}\n${lines.map((line) => `  ${line}\n`).join('')}`;
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'object') return JSON.stringify(value);
  return String(value);
}
