import { subscribe } from 'node:diagnostics_channel';

/**
 * From here on one request more with this header may be sent by this process. Every other is stopped at the wire, also
 * those of which no handler hears: undici's RetryAgent resumes a broken answer by itself, and in some versions repeats calls
 * by itself.
 *
 * What a request may do at the wire is in lib/platform/one-request.ts.
 *
 * @param authorization the header's value
 * @param mayLeave whether the request may be sent at this moment
 */
export function expectSend(authorization: string, mayLeave: () => boolean): ExpectedSend {
  const shared = globalThis as { [SHARED]?: typeof expectSend };
  shared[SHARED] ??= watchSends();
  return shared[SHARED](authorization, mayLeave);
}

/** The one request of a call. */
export interface ExpectedSend {
  /**
   * Whether it may be sent. To be asked by its own dispatcher, immediately before it is written: so it is known whose the next
   * request is, and no other call's is stopped in its place.
   */
  mayLeave(): boolean;
  /** To be called once the answer is complete, or none will come. More often does no harm. */
  over(): void;
}

/** Requests are those of the whole process, so copies of this library must know of each other's. */
const SHARED = Symbol.for('plume-m2m.expect-send.1');

/** Published by undici, that of Node included, immediately before the first byte of a request is written. */
const CHANNEL = 'undici:client:sendHeaders';

/** As undici writes it for `fetch`. */
const NAME = '\r\nauthorization: ';

interface Sending {
  /** As text, or by name (HTTP/2). */
  readonly headers: string | Readonly<Record<string, unknown>>;
  readonly socket: { destroy(): void };
}

interface Call {
  readonly mayLeave: () => boolean;
  hasLeft: boolean;
}

/** Those under way with one authorization. */
interface Calls {
  /** As it stands among the headers. */
  readonly line: string;
  readonly underWay: Set<Call>;
  /** The one whose request is written next. */
  atWire: Call | undefined;
}

function watchSends(): typeof expectSend {
  const known = new Map<string, Calls>();

  /** Of a request that no dispatcher has told of, it need not be known which call's it is: no more leave than calls may. */
  subscribe(CHANNEL, (message) => {
    const { headers, socket } = message as Sending;
    const text = typeof headers === 'string' ? headers : `${Object.values(headers).join('\r\n')}\r\n`;
    for (const calls of known.values()) {
      if (!holds(text, calls.line)) continue;
      // Asked once more: a dispatcher of somebody else's may take its time between its word and the first byte.
      const call = firstThatMayLeave(calls.atWire === undefined ? calls.underWay : [calls.atWire]);
      calls.atWire = undefined;
      if (call === undefined) socket.destroy();
      else call.hasLeft = true;
    }
  });

  return (authorization, mayLeave) => {
    const calls = known.get(authorization) ?? callsWith(authorization);
    known.set(authorization, calls);
    const call = { mayLeave, hasLeft: false };
    calls.underWay.add(call);
    return {
      mayLeave() {
        const may = !call.hasLeft && mayLeave();
        if (may) calls.atWire = call;
        return may;
      },
      over() {
        if (calls.atWire === call) calls.atWire = undefined;
        if (calls.underWay.delete(call) && calls.underWay.size === 0) known.delete(authorization);
      },
    };
  };
}

function callsWith(authorization: string): Calls {
  return { line: `${authorization}\r\n`, underWay: new Set(), atWire: undefined };
}

/** Where it stands is looked for by its name, since it is long: nearly all of the text. */
function holds(text: string, line: string): boolean {
  const at = text.indexOf(NAME);
  return at < 0 ? text.includes(line) : text.startsWith(line, at + NAME.length);
}

function firstThatMayLeave(calls: Iterable<Call>): Call | undefined {
  for (const call of calls) if (!call.hasLeft && call.mayLeave()) return call;
  return undefined;
}
