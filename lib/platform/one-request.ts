interface Dispatcher {
  dispatch(options: unknown, handler: Handler): boolean;
}

type Abort = (reason: Error) => void;

/** What a dispatcher tells of a request, by the names of undici 7 (and Node's own) or those of 6. */
interface Handler {
  /** The connection is there, and the request is about to be written to it. */
  onRequestStart?(controller: { abort: Abort }, context: unknown): void;
  onConnect?(abort: Abort, context: unknown): void;
  /** The answer is complete. */
  onResponseEnd?(controller: unknown, trailers: unknown): void;
  onComplete?(trailers: unknown): void;
  /** None will come, or not the rest of it. */
  onResponseError?(controller: unknown, error: unknown): void;
  onError?(error: unknown): void;
}

/** Why a request was stopped: the `code` of the cause with which `fetch` fails. */
export type StopCode = 'SECOND_REQUEST' | 'TICKET_EXPIRED';

class StoppedError extends Error {
  override readonly name = 'StoppedError';
  readonly code: StopCode;

  constructor(code: StopCode) {
    super(code);
    this.code = code;
  }
}

export interface OneRequestOptions {
  /** Whether the request may still be sent: looked at when it is about to be. @default - it may */
  readonly mayLeave?: (() => boolean) | undefined;
  /** Called once its answer is complete, or none will come: by Node's own `fetch`. */
  readonly onEnd?: () => void;
}

/**
 * What `fetch` is to be called with so that it sends one request at most, and only while it may: a second one, such as after
 * an answer of 421 (Fetch standard, HTTP-network-or-cache fetch) or by undici's RetryAgent, would be a call without a ticket.
 * It is looked at when the connection is there: looking up the name, connecting and TLS may take as long as they do.
 *
 * @param init the caller's options, whose `dispatcher` is used as it is; else that of all requests of this process
 */
export function oneRequest(
  { mayLeave = () => true, onEnd = () => {} }: OneRequestOptions = {},
  init: RequestInit = {},
): RequestInit {
  const dispatcher = dispatcherOf(init);
  if (dispatcher === undefined) return {};
  let hasLeft = false;

  /** At the wire. Nothing is awaited between this and the request's first byte. */
  function isStopped(abort: Abort): boolean {
    const code = hasLeft ? 'SECOND_REQUEST' : mayLeave() ? undefined : 'TICKET_EXPIRED';
    hasLeft = true;
    if (code !== undefined) abort(new StoppedError(code));
    return code !== undefined;
  }

  // Written out, and not in a loop over names: this is done for every call.
  function guard(handler: Handler): Handler {
    const { onRequestStart, onResponseEnd, onResponseError, onConnect, onComplete, onError } = handler;
    if (onRequestStart !== undefined) {
      handler.onRequestStart = (controller, context) => {
        if (!isStopped((reason) => controller.abort(reason)))
          onRequestStart.call(handler, controller, context);
      };
      handler.onResponseEnd = (controller, trailers) => {
        onEnd();
        onResponseEnd?.call(handler, controller, trailers);
      };
      handler.onResponseError = (controller, error) => {
        onEnd();
        onResponseError?.call(handler, controller, error);
      };
    } else {
      handler.onConnect = (abort, context) => {
        if (!isStopped(abort)) onConnect?.call(handler, abort, context);
      };
      handler.onComplete = (trailers) => {
        onEnd();
        onComplete?.call(handler, trailers);
      };
      handler.onError = (error) => {
        onEnd();
        onError?.call(handler, error);
      };
    }
    return handler;
  }

  const guarded: Dispatcher = {
    dispatch(options, handler) {
      if (hasLeft) throw new StoppedError('SECOND_REQUEST');
      return dispatcher.dispatch(options, guard(handler));
    },
  };
  return { dispatcher: guarded } as unknown as RequestInit;
}

/** Where Node's `fetch` keeps what sends its requests. */
const GLOBAL_DISPATCHER = Symbol.for('undici.globalDispatcher.1');

function dispatcherOf(init: RequestInit): Dispatcher | undefined {
  const { dispatcher } = init as { readonly dispatcher?: Dispatcher };
  // Node loads its HTTP client, which puts its dispatcher there, when one of these classes is first used.
  return dispatcher ?? (Response && (globalThis as { [GLOBAL_DISPATCHER]?: Dispatcher })[GLOBAL_DISPATCHER]);
}
