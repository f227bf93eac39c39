import { Readable } from 'node:stream';

/**
 * Lets calls live for as long as the answer that is made of them is streamed: a stream, or a plain object with one as its
 * `body`, as Lambda's response streaming takes them.
 *
 * @param end ends the calls; may be called twice
 * @returns the same answer, whose stream ends once `end` has, or fails as the given one does; undefined if no part of it is a
 *   stream
 */
export function endingWithStream<Answer>(answer: Answer, end: () => Promise<void>): Answer | undefined {
  if (isStream(answer)) return followedBy(answer, end) as Answer;
  if (!isPlainObject(answer) || !isStream(answer.body)) return undefined;
  return { ...answer, body: followedBy(answer.body, end) };
}

function followedBy(stream: AsyncIterable<Uint8Array | string>, end: () => Promise<void>): Readable {
  let hasBegun = false;
  async function* chunks(): AsyncGenerator<Uint8Array | string> {
    hasBegun = true;
    try {
      yield* stream;
    } finally {
      await end();
    }
  }
  const followed = Readable.from(chunks(), { objectMode: false });
  // A generator that was never asked for a chunk does not run its end.
  return followed.once('close', () => {
    if (!hasBegun) void end();
  });
}

function isStream(value: unknown): value is AsyncIterable<Uint8Array | string> {
  return value instanceof ReadableStream || value instanceof Readable;
}

/** A `Response` is not: returning one does not say that it is streamed. */
function isPlainObject(value: unknown): value is { readonly body?: unknown } {
  return (
    typeof value === 'object' &&
    value !== null &&
    [Object.prototype, null].includes(Object.getPrototypeOf(value))
  );
}
