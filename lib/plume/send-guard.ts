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
 * @returns ends that; to be called once the answer is complete, or none will come
 */
export function expectSend(authorization: string, mayLeave: () => boolean): () => void {
  const shared = globalThis as { [SHARED]?: typeof expectSend };
  shared[SHARED] ??= watchSends();
  return shared[SHARED](authorization, mayLeave);
}

/** Requests are those of the whole process, so copies of this library must know of each other's. */
const SHARED = Symbol.for('plume-m2m.expect-send.1');

/** Published by undici, that of Node included, immediately before the first byte of a request is written. */
const CHANNEL = 'undici:client:sendHeaders';

interface Sending {
  /** As text, or by name (HTTP/2). */
  readonly headers: string | Readonly<Record<string, unknown>>;
  readonly socket: { destroy(): void };
}

/** The calls with one authorization. */
interface Calls {
  underWay: number;
  /** Those that have not left yet. */
  readonly waiting: Set<{ readonly mayLeave: () => boolean }>;
}

function watchSends(): typeof expectSend {
  const known = new Map<string, Calls>();

  /** Which call a request belongs to is not known and need not be: no more requests leave than calls may. */
  subscribe(CHANNEL, (message) => {
    const { headers, socket } = message as Sending;
    const text = typeof headers === 'string' ? headers : `${Object.values(headers).join('\r\n')}\r\n`;
    for (const [authorization, { waiting }] of known) {
      if (!text.includes(`${authorization}\r\n`)) continue;
      const call = [...waiting].find(({ mayLeave }) => mayLeave());
      if (call === undefined) socket.destroy();
      else waiting.delete(call);
    }
  });

  return (authorization, mayLeave) => {
    const calls = known.get(authorization) ?? { underWay: 0, waiting: new Set() };
    known.set(authorization, calls);
    const call = { mayLeave };
    calls.underWay += 1;
    calls.waiting.add(call);
    return () => {
      calls.waiting.delete(call);
      calls.underWay -= 1;
      if (calls.underWay === 0) known.delete(authorization);
    };
  };
}
