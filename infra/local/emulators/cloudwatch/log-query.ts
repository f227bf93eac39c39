/**
 * The part of Logs Insights' query language that the stack uses: `filter ispresent(a) or …`, `stats sum(a) as x, … by b, …`
 * with `sum`, `max` and `latest`, and `sort`.
 */
export interface LogQuery {
  /** A line counts if it has one of these fields. */
  readonly present: readonly string[];
  readonly columns: readonly {
    readonly what: 'sum' | 'max' | 'latest';
    readonly field: string;
    readonly as: string;
  }[];
  readonly by: readonly string[];
  readonly sort: { readonly column: string; readonly ascending: boolean };
}

export interface LogTable {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const FILTER = /^filter (ispresent\(\w+\)(?: or ispresent\(\w+\))*)$/;
const STATS = /^stats (\w+\(\w+\) as \w+(?:, \w+\(\w+\) as \w+)*) by (\w+(?:, \w+)*)$/;
const SORT = /^sort (\w+) (asc|desc)$/;

/** @throws {Error} the query has a command that the stack does not use */
export function parseLogQuery(text: string): LogQuery {
  let query: LogQuery = { present: [], columns: [], by: [], sort: { column: '', ascending: true } };
  for (const command of text.split('|').map((part) => part.trim())) {
    const [, filter] = FILTER.exec(command) ?? [];
    const [, stats, by] = STATS.exec(command) ?? [];
    const [, column, order] = SORT.exec(command) ?? [];
    if (filter !== undefined) query = { ...query, present: namesIn(filter, /\((\w+)\)/g) };
    else if (stats !== undefined) query = { ...query, columns: columnsIn(stats), by: by?.split(', ') ?? [] };
    else if (column !== undefined) query = { ...query, sort: { column, ascending: order === 'asc' } };
    else if (!/^SOURCE '[^']+'$/.test(command))
      throw new Error(`the log query has an unknown command: ${command}`);
  }
  return query;
}

function columnsIn(stats: string): LogQuery['columns'] {
  return [...stats.matchAll(/(\w+)\((\w+)\) as (\w+)/g)].map(([, what = '', field = '', as = '']) => {
    if (!isStatistic(what)) throw new Error(`the log query has an unknown statistic: ${what}`);
    return { what, field, as };
  });
}

const COMBINE = {
  sum: (before: number, value: number) => before + value,
  max: (before: number, value: number) => Math.max(before, value),
  latest: (_before: number, value: number) => value,
};

function isStatistic(what: string): what is keyof typeof COMBINE {
  return what in COMBINE;
}

/**
 * The table of a query over lines that come one by one. Lines that are not JSON objects are ignored.
 *
 * @param scaleOf what the values of a field are multiplied by
 */
export function createLogTable(
  { present, columns, by, sort }: LogQuery,
  scaleOf: (field: string) => number = () => 1,
): { add(line: string): void; table(): LogTable } {
  const rows = new Map<
    string,
    { readonly keys: readonly string[]; readonly values: (number | undefined)[] }
  >();
  return {
    add(line) {
      if (!present.some((field) => line.includes(`"${field}"`))) return;
      const fields = parse(line);
      if (!present.some((field) => fields[field] !== undefined)) return;
      const keys = by.map((key) => String(fields[key] ?? ''));
      const id = JSON.stringify(keys);
      const row = rows.get(id) ?? { keys, values: columns.map(() => undefined) };
      rows.set(id, row);
      for (const [index, { what, field }] of columns.entries()) {
        if (fields[field] === undefined) continue;
        const value = Number(fields[field]) * scaleOf(field);
        const before = row.values[index];
        row.values[index] = before === undefined ? value : COMBINE[what](before, value);
      }
    },
    table() {
      const column = columns.findIndex(({ as }) => as === sort.column);
      const sign = sort.ascending ? 1 : -1;
      const sorted = [...rows.values()].sort(
        (a, b) => sign * ((a.values[column] ?? 0) - (b.values[column] ?? 0)),
      );
      return {
        columns: [...by, ...columns.map(({ as }) => as)],
        rows: sorted.map(({ keys, values }) => [...keys, ...values.map(cell)]),
      };
    },
  };
}

function cell(value: number | undefined): string {
  return value === undefined ? '' : String(Math.round(value * 1000) / 1000);
}

function namesIn(text: string, pattern: RegExp): readonly string[] {
  return [...text.matchAll(pattern)].map(([, name = '']) => name);
}

function parse(line: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(line));
  } catch {
    return {};
  }
}
