import { SessionClosedError } from './errors.ts';

/** When the readings of an answer end that have not come to its end, and with which error. */
export interface EndOfReading {
  readonly signal: AbortSignal;
  /** Once that is aborted. */
  readonly reason: () => unknown;
}

/** What a guarded answer carries besides the platform's own. */
const END = Symbol('end');
const BODY = Symbol('body');

interface Guarded extends Response {
  [END]: EndOfReading;
  [BODY]?: ReadableStream<Uint8Array>;
}

/**
 * Lets no reading that outlives its invocation end the process: Node ends it for an unhandled rejection, with all
 * invocations in it. So `void response.text()` rejects as ever, but counts as handled; and a chunk that is still waited for
 * when the invocation ends never comes. A reading that only begins then fails with `session_closed`, as a call does.
 *
 * @param end the body itself fails then, with whatever error
 * @returns the same answer
 */
export function guardBody(response: Response, end: EndOfReading): Response {
  // Others than the platform's have methods of their own.
  if (Object.getPrototypeOf(response) !== Response.prototype || response.body === null) return response;
  Object.setPrototypeOf(response, GUARDED);
  (response as Guarded)[END] = end;
  return response;
}

type Reader = 'arrayBuffer' | 'blob' | 'bytes' | 'formData' | 'json' | 'text';

const GUARDED: Response = Object.create(Response.prototype, {
  ...Object.fromEntries(
    (['arrayBuffer', 'blob', 'bytes', 'formData', 'json', 'text'] as const).map((name) => [
      name,
      { value: reader(name) },
    ]),
  ),
  clone: {
    value(this: Guarded) {
      return guardBody(Response.prototype.clone.call(this), this[END]);
    },
  },
  body: {
    get(this: Guarded) {
      this[BODY] ??= guardedStream(realBody.call(this), this[END]);
      return this[BODY];
    },
  },
});

const realBody = Object.getOwnPropertyDescriptor(Response.prototype, 'body')?.get as (
  this: Response,
) => ReadableStream<Uint8Array>;

function reader(name: Reader): (this: Guarded) => Promise<unknown> {
  const read: (this: Response) => Promise<unknown> = Response.prototype[name];
  return function (this: Guarded) {
    const { signal, reason } = this[END];
    const reading = signal.aborted
      ? Promise.reject(reason())
      : read.call(this).catch((error: unknown) => {
          throw signal.aborted ? reason() : error;
        });
    reading.catch(() => {});
    return reading;
  };
}

/** For callers that read chunks themselves. Nothing is taken of the real one before the first is asked for. */
function guardedStream(
  body: ReadableStream<Uint8Array>,
  { signal, reason }: EndOfReading,
): ReadableStream<Uint8Array> {
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  return new ReadableStream(
    {
      type: 'bytes',
      async pull(controller) {
        if (signal.aborted) throw reason();
        try {
          reader ??= body.getReader();
          const { value } = await reader.read();
          if (value !== undefined) return controller.enqueue(value as Uint8Array<ArrayBuffer>);
          controller.close();
          controller.byobRequest?.respond(0);
        } catch (error) {
          if (!signal.aborted) throw error;
          const ended = reason();
          if (ended instanceof SessionClosedError) await new Promise(() => {});
          throw ended;
        }
      },
      cancel: (why) => (reader ?? body).cancel(why),
    },
    { highWaterMark: 0 },
  );
}
