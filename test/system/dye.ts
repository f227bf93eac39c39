import { randomBytes } from 'node:crypto';

import { disguises } from '../fixtures/leaks.ts';

/**
 * What is secret in a run carries one random word, at its beginning, in its middle and at its end; so a part of it is
 * found as well, whatever was done to it on the way.
 */
export interface Dye {
  /** Lower-case letters and digits: no encoding of text changes them. */
  readonly word: string;
  /** Something of about `length` characters that is secret, with characters that encodings do change. */
  secret(length?: number): string;
  /** True if the word turns up: as it is, in base64 or its URL-safe form, percent-encoded, in hex, or twice encoded. */
  isIn(text: string): boolean;
}

export function createDye(): Dye {
  const word = randomBytes(9).toString('hex');
  const once = disguises(word);
  const patterns = [...new Set([...once, ...once.flatMap((disguise) => disguises(disguise))])];
  return {
    word,
    secret(length = 64) {
      const filling = () =>
        randomBytes(length)
          .toString('base64url')
          .slice(0, length / 4)
          // Three characters in a row that a search for the beginning of a JWT would find, once in sixty runs.
          .replaceAll('eyJ', 'eyj');
      return `${word}-${filling()}+/${word}&=%${filling()}~:${word}`;
    },
    isIn: (text) => patterns.some((pattern) => text.includes(pattern)),
  };
}
