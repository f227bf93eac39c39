import type { Item } from './conditional-update.ts';

/** The last moment that a `Date` can hold (ECMAScript, time values), in Unix ms. */
const LAST_MS = 8.64e15;

/** An attribute holds something other than the moment, or the number, that belongs there. */
export class StoredMomentError extends Error {
  override readonly name = 'StoredMomentError';
  readonly attribute: string;

  constructor(attribute: string) {
    super(`the attribute ${attribute} holds no whole number of milliseconds`);
    this.attribute = attribute;
  }
}

/**
 * @returns the whole number that an attribute holds, such as Unix ms; undefined if it is not there
 * @throws {StoredMomentError} it holds something else
 */
export function storedMoment(item: Item, attribute: string): number | undefined {
  const value = item[attribute];
  if (value === undefined) return undefined;
  const ms = Number(value.N ?? Number.NaN);
  if (Number.isInteger(ms) && Math.abs(ms) <= LAST_MS) return ms;
  throw new StoredMomentError(attribute);
}
