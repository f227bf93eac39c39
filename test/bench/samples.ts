import { parseArgs } from 'node:util';

/** The value below which a share of the samples lies. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5);
}

/** `--rounds 20`: positive whole numbers by their flags. */
export function readCounts<Name extends string>(
  args: readonly string[],
  defaults: Readonly<Record<Name, number>>,
): Record<Name, number> {
  const names = Object.keys(defaults) as Name[];
  const { values } = parseArgs({
    args: [...args],
    options: Object.fromEntries(names.map((name) => [name, { type: 'string' as const }])),
  });
  return Object.fromEntries(
    names.map((name) => {
      const text = String(values[name] ?? defaults[name]);
      if (!/^[1-9]\d{0,6}$/.test(text))
        throw new Error(`--${name} must be a positive whole number, not "${text}"`);
      return [name, Number(text)];
    }),
  ) as Record<Name, number>;
}

/** One note for each target, met or not. */
export function targetNote(target: string, isMet: boolean, measured: string): string {
  return `- ${isMet ? 'Met' : 'Not met'}: ${target}. Measured: ${measured}.`;
}
