/** The part of Logs Insights' query language that the stack uses: `filter ispresent`, `stats latest … by`, `sort`. */
export interface LogQuery {
  /** A line counts if it has this field. */
  readonly present: string;
  readonly latest: string;
  readonly as: string;
  readonly by: string;
  readonly ascending: boolean;
}

export interface LogTable {
  readonly columns: readonly [string, string];
  readonly rows: readonly (readonly [string, string])[];
}

const COMMANDS = [
  /^SOURCE '[^']+'$/,
  /^filter ispresent\((?<present>\w+)\)$/,
  /^stats latest\((?<latest>\w+)\) as (?<as>\w+) by (?<by>\w+)$/,
  /^sort (?<sort>\w+) (?<order>asc|desc)$/,
];

/** @throws {Error} the query has a command that the stack does not use */
export function parseLogQuery(text: string): LogQuery {
  const found: Record<string, string> = {};
  for (const command of text.split('|').map((part) => part.trim())) {
    const match = COMMANDS.map((pattern) => pattern.exec(command)).find((result) => result !== null);
    if (match === undefined) throw new Error(`the log query has an unknown command: ${command}`);
    Object.assign(found, match.groups);
  }
  const { present = '', latest = '', as = '', by = '', order } = found;
  return { present, latest, as, by, ascending: order !== 'desc' };
}

/**
 * The table of a query over lines that come one by one. Lines that are no JSON objects do not count.
 *
 * @param scale what values are multiplied by
 */
export function createLogTable(query: LogQuery, scale = 1): { add(line: string): void; table(): LogTable } {
  const latest = new Map<string, number>();
  return {
    add(line) {
      if (!line.includes(`"${query.present}"`)) return;
      const fields = parse(line);
      if (fields[query.present] === undefined) return;
      latest.set(String(fields[query.by]), Number([fields[query.latest]].flat().at(-1)));
    },
    table() {
      const sign = query.ascending ? 1 : -1;
      const rows = [...latest].sort(([, a], [, b]) => sign * (a - b));
      return {
        columns: [query.by, query.as],
        rows: rows.map(([by, value]) => [by, String(Math.round(value * scale * 1000) / 1000)]),
      };
    },
  };
}

function parse(line: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(line));
  } catch {
    return {};
  }
}
