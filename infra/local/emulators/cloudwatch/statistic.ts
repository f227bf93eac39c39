/**
 * A statistic of the values of one period, by CloudWatch's name for it: `Sum`, `Minimum`, `Maximum`, `Average`,
 * `SampleCount`, or a percentile such as `p99`.
 *
 * @returns undefined if there are no values: CloudWatch has no data point then
 * @throws {Error} the statistic is none of these
 */
export function statisticOf(name: string, values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  switch (name) {
    case 'Sum':
      return sum(values);
    case 'Minimum':
      return Math.min(...values);
    case 'Maximum':
      return Math.max(...values);
    case 'Average':
      return sum(values) / values.length;
    case 'SampleCount':
      return values.length;
    default:
      return percentile(name, values);
  }
}

function percentile(name: string, values: readonly number[]): number | undefined {
  const [, percent] = /^p(\d+(?:\.\d+)?)$/.exec(name) ?? [];
  if (percent === undefined) throw new Error(`${name} is not a known statistic`);
  const rank = Math.ceil((Number(percent) / 100) * values.length);
  return values.toSorted((a, b) => a - b)[Math.max(rank, 1) - 1];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
