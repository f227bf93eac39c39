import type { Context } from 'aws-lambda';

import type { Plume } from '../../lib/middleware/create-plume.ts';
import { readText } from '../../lib/platform/read-text.ts';
import { headersOf } from '../../lib/plume/answer-headers.ts';
import type { PlumeApi } from '../../lib/plume/api.ts';
import { RequestRefusedError } from '../../lib/plume/errors.ts';
import type { Query } from '../../lib/plume/query.ts';
import type { JsonBody } from '../../lib/plume/request-init.ts';

/** One call of Plume's API, as the function is invoked with it. */
export interface CallEvent {
  /** Such as `GET`. */
  readonly method: string;
  /** Below the API's base URL; with or without a query. */
  readonly path: string;
  /** Added to the path's query. Null is as if it were absent: state machines cannot leave a key out. */
  readonly query?: Query | null;
  readonly headers?: Readonly<Record<string, string>> | null;
  /** Sent as JSON; null is JSON too. */
  readonly json?: JsonBody['json'];
  /** How long the call waits for a token and a ticket, in milliseconds. */
  readonly maxWaitMs?: number;
}

/** What the API answered, whatever its status. */
export interface CallAnswer {
  readonly status: number;
  /** Those that say something of the answer, by their names in small letters. */
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed, where it is JSON. */
  readonly body?: unknown;
  /** True if the answer could not be passed on: too long for Lambda, or broken off. */
  readonly bodyOmitted?: boolean;
}

export interface CallDependencies {
  readonly client: string;
  /** With the time that an event gives a call to wait, or the default one. */
  readonly plumeOf: (maxWaitMs: number | undefined) => Plume;
}

/** Lambda's answers have at most 6 MB, as JSON. */
const MAX_ANSWER_BYTES = 6_000_000;

/**
 * Makes the call of one event.
 *
 * @throws {PlumeError} as `fetch` does; `request_refused` if the event is not a call
 */
export async function call(
  event: unknown,
  context: Context,
  { client, plumeOf }: CallDependencies,
): Promise<CallAnswer> {
  const rule = brokenRule(event);
  if (rule !== undefined) throw new RequestRefusedError(client, undefined, rule);
  const { method, path, query, headers, json, maxWaitMs } = event as CallEvent;
  return plumeOf(maxWaitMs).run(
    async (api) => {
      const init = { method, headers: headers ?? {}, query: query ?? {}, json };
      return answerOf(await api.fetch(path, init), api);
    },
    { context },
  );
}

function brokenRule(event: unknown): string | undefined {
  if (typeof event !== 'object' || event === null || Array.isArray(event))
    return 'the event must be an object such as { "method": "GET", "path": "/v1/locations" }';
  const { method, path, query, headers, json, maxWaitMs, ...others } = event as CallEvent;
  const [other] = Object.keys(others);
  if (other !== undefined)
    return `the event has the key ${other}; it may have method, path, query, headers, json and maxWaitMs`;
  if (typeof method !== 'string') return 'method must be a string, such as GET';
  if (typeof path !== 'string' || !/^\/(?![/\\])/.test(path)) return 'path must begin with one slash';
  for (const [name, value] of Object.entries({ query, headers }))
    if (typeof (value ?? {}) !== 'object' || Array.isArray(value)) return `${name} must be an object`;
  return undefined;
}

/** Once the API has answered, nothing about its answer fails any more: the call must not be made again. */
async function answerOf(response: Response, { redact }: PlumeApi): Promise<CallAnswer> {
  const head = { status: response.status, headers: headersOf(response) };
  const text = await readText(response, MAX_ANSWER_BYTES).catch(() => undefined);
  const whole =
    text === undefined
      ? undefined
      : passedOn(text === '' ? head : { ...head, body: parsedIfJson(text) }, redact);
  return whole ?? (passedOn({ ...head, bodyOmitted: true }, redact) as CallAnswer);
}

/** @returns undefined if Lambda does not take it */
function passedOn(answer: CallAnswer, redact: PlumeApi['redact']): CallAnswer | undefined {
  try {
    const json = redact(JSON.stringify(answer));
    return Buffer.byteLength(json) <= MAX_ANSWER_BYTES ? JSON.parse(json) : undefined;
  } catch {
    // JSON.parse takes arrays in arrays of any depth, JSON.stringify overflows the stack.
    return undefined;
  }
}

function parsedIfJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
