import { inspect } from 'node:util';
import { expect } from 'vitest';

import { PlumeError } from '../../lib/errors.ts';

/** Everything that a log, a queue or a debugger could show of a value. */
export function traces(value: unknown): string {
  const parts = [inspect(value, { showHidden: true, depth: 20 }), String(value), JSON.stringify(value)];
  if (value instanceof Error) parts.push(value.message, value.stack ?? '', traces(value.cause));
  return parts.join('\n');
}

/** A secret as it could turn up: as it is, in base64 (or its URL-safe form) at any offset, percent-encoded, in hex. */
export function disguises(secret: string): readonly string[] {
  const base64 = [0, 1, 2].map((offset) =>
    // The characters at the ends depend on what stands around the secret.
    Buffer.from('x'.repeat(offset) + secret)
      .toString('base64')
      .slice(offset + 1, -4),
  );
  const base64url = base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'));
  const hex = Buffer.from(secret).toString('hex');
  return [
    ...new Set([
      secret,
      encodeURIComponent(secret),
      ...base64,
      ...base64.map(encodeURIComponent),
      ...base64url,
      hex,
      // As a Buffer is shown.
      hex.replaceAll(/(..)(?!$)/g, '$1 '),
    ]),
  ];
}

/** The rejection or exception of `run`, an error of this library in which none of the secrets turns up. */
export async function silentError(run: () => unknown, secrets: readonly string[]): Promise<PlumeError> {
  const error = await Promise.resolve()
    .then(run)
    .then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
  expect(error).toBeInstanceOf(PlumeError);
  expectNoTrace(error, secrets);
  return error as PlumeError;
}

export function expectNoTrace(value: unknown, secrets: readonly string[]): void {
  const text = traces(value);
  for (const secret of secrets) {
    for (const disguise of disguises(secret)) {
      expect(text.includes(disguise), `a secret turned up in ${Object.prototype.toString.call(value)}`).toBe(
        false,
      );
    }
  }
}
