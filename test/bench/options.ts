import { parseArgs } from 'node:util';

/** @throws {Error} the flag's text is no positive whole number */
export function positive(flag: string, text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text))
    throw new Error(`--${flag} must be a positive whole number, not "${text}"`);
  return Number(text);
}

/** `1,10,100` */
export function positives(flag: string, text: string): number[] {
  return text.split(',').map((part) => positive(flag, part));
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
    names.map((name) => [name, positive(name, String(values[name] ?? defaults[name]))]),
  ) as Record<Name, number>;
}
