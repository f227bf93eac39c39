interface Dispatcher {
  dispatch(options: unknown, handler: Handler): boolean;
}

/** What a dispatcher tells of a request. Which of the two names it calls depends on its version of undici. */
interface Handler {
  /** The connection is there, and the request is about to be written to it. */
  onConnect?(abort: (reason: Error) => void, ...rest: unknown[]): void;
  onRequestStart?(controller: { abort(reason: Error): void }, ...rest: unknown[]): void;
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

/** Where Node's `fetch` keeps what sends its requests. */
const GLOBAL_DISPATCHER = Symbol.for('undici.globalDispatcher.1');

/**
 * What `fetch` is to be called with so that it sends one request at most, and only while it may: a second one, such as after
 * an answer of 421 (Fetch standard, HTTP-network-or-cache fetch) or by undici's RetryAgent, would be a call without a ticket.
 * It is looked at when the connection is there: looking up the name, connecting and TLS may take as long as they do.
 *
 * @param mayLeave whether the request may still be sent
 * @param init the caller's options, whose `dispatcher` is used as it is; else that of all requests of this process
 */
export function oneRequest(mayLeave: () => boolean = () => true, init: RequestInit = {}): RequestInit {
  const dispatcher =
    (init as { readonly dispatcher?: Dispatcher }).dispatcher ??
    (globalThis as { readonly [GLOBAL_DISPATCHER]?: Dispatcher })[GLOBAL_DISPATCHER];
  if (dispatcher === undefined) return {};
  let hasLeft = false;

  /** At the wire. Nothing is awaited between this and the request's first byte. */
  function stop(abort: (reason: Error) => void): boolean {
    const code = hasLeft ? 'SECOND_REQUEST' : mayLeave() ? undefined : 'TICKET_EXPIRED';
    hasLeft = true;
    if (code !== undefined) abort(new StoppedError(code));
    return code !== undefined;
  }

  function guard(handler: Handler): Handler {
    const { onConnect, onRequestStart } = handler;
    if (onRequestStart !== undefined)
      handler.onRequestStart = (controller, ...rest) => {
        if (!stop((reason) => controller.abort(reason))) onRequestStart.call(handler, controller, ...rest);
      };
    else
      handler.onConnect = (abort, ...rest) => {
        if (!stop(abort)) onConnect?.call(handler, abort, ...rest);
      };
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
