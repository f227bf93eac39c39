import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';

type Cell = string | number;

/** What one comparison found. Numbers are rounded for people by {@link formatReport} alone. */
export interface BenchReport {
  readonly title: string;
  readonly columns: readonly string[];
  /** As many cells as there are columns. */
  readonly rows: readonly (readonly Cell[])[];
  /** What the figures must not be read without; a target and whether it is met. */
  readonly notes?: readonly string[];
}

export interface Bench {
  /** One line for the list of benches, and one for each flag of its own. */
  readonly help: string;
  /**
   * @param args the flags of its own, for `parseArgs`
   * @throws {Error} for a flag that is not understood
   */
  run(args: readonly string[]): Promise<BenchReport[]>;
}

/** The note of a target. */
export function targetNote(target: string, isMet: boolean, measured: string): string {
  return `${isMet ? 'Met' : 'Not met'}: ${target}. Measured: ${measured}.`;
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  /** Of the minute before: above the number of cores, times say little. */
  readonly load: number;
  readonly node: string;
  readonly date: string;
}

/** The kind of machine and the day: no figure means anything without them. */
export function machine(now: Date): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? process.arch,
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    load: Math.round(loadavg()[0] ?? 0),
    node: process.versions.node,
    date: now.toISOString().slice(0, 10),
  };
}

/** A table in Markdown, as README shows it. */
export function formatReport({ title, columns, rows, notes = [] }: BenchReport): string {
  const lines = [columns, columns.map(() => '---'), ...rows.map((row) => row.map(formatCell))];
  const table = lines.map((cells) => `| ${cells.join(' | ')} |`);
  return [
    `### ${title}`,
    '',
    ...table,
    ...(notes.length > 0 ? ['', ...notes.map((note) => `- ${note}`)] : []),
    '',
  ].join('\n');
}

/** Three significant digits, thousands apart. */
function formatCell(cell: Cell): string {
  if (typeof cell === 'string') return cell;
  if (Number.isInteger(cell) || Math.abs(cell) >= 1000)
    return Math.round(cell).toLocaleString('en').replaceAll(',', ' ');
  return String(Number(cell.toPrecision(3)));
}
