/**
 * Schemas of settings as plain data. Functions check their environment by them in a few lines, without a schema library in
 * their bundles; synthesis makes the schema of stages from them; defaults and README's tables are theirs.
 */

/** A setting that is a whole number. */
export interface WholeNumber {
  readonly kind: 'number';
  readonly unit: 'milliseconds' | 'calls';
  readonly minimum: number;
  readonly maximum: number;
  /** Absent: the setting may be left out. */
  readonly default?: number;
}

/** A setting that is a text. It cannot be left out. */
export interface Text {
  readonly kind: 'text';
  readonly matches: RegExp | ((text: string) => boolean);
  /** What a text that matches is, as in "name must be …". */
  readonly rule: string;
  readonly default?: string;
}

/** A rule for each key of the settings, and for each of an inner object. */
export type Schema<Settings> = {
  readonly [Key in keyof Settings]-?: NonNullable<Settings[Key]> extends number
    ? WholeNumber
    : NonNullable<Settings[Key]> extends string
      ? Text
      : Schema<NonNullable<Settings[Key]>>;
};

/** Any schema, for what walks through it. */
export interface AnySchema {
  readonly [key: string]: WholeNumber | Text | AnySchema;
}

/** @param fallback the default; `undefined` for a setting that may be left out */
export function milliseconds(fallback: number | undefined, minimum = 1): WholeNumber {
  const rule = { kind: 'number', unit: 'milliseconds', minimum, maximum: 31 * 86_400_000 } as const;
  return fallback === undefined ? rule : { ...rule, default: fallback };
}

export function isRule(rule: WholeNumber | Text | AnySchema): rule is WholeNumber | Text {
  return typeof rule.kind === 'string';
}

/** What a value must be, as the end of a sentence. */
export function wordsOf(rule: WholeNumber | Text): string {
  if (rule.kind === 'text') return rule.rule;
  return `a whole number of ${rule.unit} from ${rule.minimum} to ${rule.maximum}`;
}

/** The defaults of all settings that have one. */
export function defaultsOf<Settings extends object>(schema: Schema<Settings>): Settings {
  const entries = Object.entries(schema as AnySchema).map(([key, rule]) => [
    key,
    isRule(rule) ? rule.default : defaultsOf(rule),
  ]);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

/**
 * The first rule that settings break, as a sentence; `undefined` if they keep all. It does not repeat the value, since a
 * secret may stand in the wrong place. Keys that the schema does not know are ignored: a later version may know them.
 *
 * @param path what the sentence starts with: where the settings stand, such as `budget`
 */
export function violationOf(schema: AnySchema, settings: unknown, path: string): string | undefined {
  if (!isObject(settings)) return `${path} must be an object`;
  for (const [key, rule] of Object.entries(schema)) {
    const at = `${path}.${key}`;
    const value = settings[key];
    if (!isRule(rule)) {
      const inner = violationOf(rule, value, at);
      if (inner !== undefined) return inner;
    } else if (!keeps(rule, value)) {
      return `${at} ${value === undefined ? 'is missing: it must be' : 'must be'} ${wordsOf(rule)}`;
    }
  }
  return undefined;
}

function keeps(rule: WholeNumber | Text, value: unknown): boolean {
  if (rule.kind === 'text') {
    const { matches } = rule;
    return typeof value === 'string' && (matches instanceof RegExp ? matches.test(value) : matches(value));
  }
  if (value === undefined) return rule.default === undefined;
  return Number.isInteger(value) && rule.minimum <= Number(value) && Number(value) <= rule.maximum;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
