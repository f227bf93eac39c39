interface Dispatcher {
  dispatch(...args: unknown[]): boolean;
}

/** Where Node's `fetch` keeps what sends its requests. */
const GLOBAL_DISPATCHER = Symbol.for('undici.globalDispatcher.1');

class SecondRequestError extends Error {
  readonly code = 'SECOND_REQUEST';
}

/**
 * What `fetch` is to be called with so that it sends one request at most. By itself it sends a request again when it is
 * answered 421 (Fetch standard, HTTP-network-or-cache fetch), which would be a call without a ticket. Then it fails with
 * a cause whose code is `SECOND_REQUEST`.
 */
export function oneRequest(): RequestInit {
  const { [GLOBAL_DISPATCHER]: shared } = globalThis as { readonly [GLOBAL_DISPATCHER]?: Dispatcher };
  if (shared === undefined) return {};
  let isSent = false;
  const dispatcher: Dispatcher = {
    dispatch(...args) {
      if (isSent) throw new SecondRequestError('a request is sent once');
      isSent = true;
      return shared.dispatch(...args);
    },
  };
  return { dispatcher } as RequestInit;
}
