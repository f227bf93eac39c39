import { SessionClosedError } from './errors.ts';

/** What a guarded answer carries besides the platform's own. */
const GUARD = Symbol('guard');

interface Guarded extends Response {
  readonly [GUARD]: { readonly ended: AbortSignal; body?: ReadableStream<Uint8Array> };
}

/**
 * Lets no reading that outlives its invocation end the process: Node ends it for an unhandled rejection, with all
 * invocations in it. So `void response.text()` rejects as ever, but counts as handled; and a chunk that is still waited for
 * when the invocation ends never comes. A reading that only begins then fails with `session_closed`, as a call does.
 *
 * @param ended aborts when the invocation ends
 * @returns the same answer
 */
export function guardBody(response: Response, ended: AbortSignal): Response {
  // Others than the platform's have methods of their own.
  if (Object.getPrototypeOf(response) !== Response.prototype || response.body === null) return response;
  Object.setPrototypeOf(response, GUARDED);
  return Object.defineProperty(response, GUARD, { value: { ended } });
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
      return guardBody(Response.prototype.clone.call(this), this[GUARD].ended);
    },
  },
  body: {
    get(this: Guarded) {
      const guard = this[GUARD];
      guard.body ??= guardedStream(realBody.call(this), guard.ended);
      return guard.body;
    },
  },
});

const realBody = Object.getOwnPropertyDescriptor(Response.prototype, 'body')?.get as (
  this: Response,
) => ReadableStream<Uint8Array>;

function reader(name: Reader): (this: Response) => Promise<unknown> {
  const read: (this: Response) => Promise<unknown> = Response.prototype[name];
  return function (this: Response) {
    const promise = read.call(this);
    promise.catch(() => {});
    return promise;
  };
}

/** For callers that read chunks themselves. Nothing is taken of the real one before the first is asked for. */
function guardedStream(body: ReadableStream<Uint8Array>, ended: AbortSignal): ReadableStream<Uint8Array> {
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  return new ReadableStream(
    {
      type: 'bytes',
      async pull(controller) {
        const hadEnded = ended.aborted;
        try {
          reader ??= body.getReader();
          const { value } = await reader.read();
          if (value !== undefined) return controller.enqueue(value as Uint8Array<ArrayBuffer>);
          controller.close();
          controller.byobRequest?.respond(0);
        } catch (error) {
          if (error instanceof SessionClosedError && !hadEnded) await new Promise(() => {});
          throw error;
        }
      },
      cancel: (reason) => (reader ?? body).cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
