import { Duration } from 'aws-cdk-lib/core';

/** Settings as properties of a construct: `grace`, a `Duration`, for `graceMs`. All may be left out. */
export type InDurations<Settings> = {
  readonly [Key in keyof Settings as Key extends `${infer Name}Ms` ? Name : Key]?:
    | (Key extends `${string}Ms`
        ? Duration
        : NonNullable<Settings[Key]> extends object
          ? InDurations<NonNullable<Settings[Key]>>
          : Settings[Key])
    | undefined;
};

/** What is given, as settings. What is left out or undefined is left out. */
export function inMilliseconds<Settings extends object>(
  given: InDurations<Settings> = {},
): Partial<Settings> {
  const entries = Object.entries(given).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    entries.map(([key, value]) => {
      if (typeof value !== 'object' || value === null) return [key, value];
      return isDuration(value)
        ? // A part of a millisecond is refused with the settings, by its name.
          [`${key}Ms`, value.toMilliseconds({ integral: false })]
        : [key, inMilliseconds(value)];
    }),
  ) as Partial<Settings>;
}

/** The other way round. */
export function inDurations<Settings extends object>(settings: Settings): InDurations<Settings> {
  return Object.fromEntries(
    Object.entries(settings).map(([key, value]) => {
      if (key.endsWith('Ms')) return [key.slice(0, -2), Duration.millis(value)];
      return [key, typeof value === 'object' ? inDurations(value) : value];
    }),
  ) as InDurations<Settings>;
}

/** By its method: the class may come from another copy of the CDK. */
function isDuration(value: object): value is Duration {
  return 'toMilliseconds' in value;
}
