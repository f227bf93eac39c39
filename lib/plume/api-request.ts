import { isPriority, PRIORITY_RULE, type Priority } from '../contract.ts';
import { RequestRefusedError } from './errors.ts';
import { addQuery } from './query.ts';
import type { PlumeRequestInit } from './request-init.ts';
import { brokenRetryRule, type RetryOptions } from './retry-policy.ts';

/** One call as it is sent, with any token, as often as needed. */
export interface ApiRequest {
  readonly url: URL;
  readonly init: RequestInit;
  /** The caller's, by their names in small letters; each attempt adds its token. */
  readonly headers: Record<string, string>;
  /** The caller's own, which ends the call. */
  readonly signal: AbortSignal | undefined;
  /** For messages: no query, since it can hold personal data. */
  readonly method: string;
  readonly path: string;
  /** False for a body that is consumed by sending it. */
  readonly repeatable: boolean;
  readonly timeoutMs: number | undefined;
  readonly retry: RetryOptions | undefined;
  /** Undefined for that of its session. */
  readonly priority: Priority | undefined;
}

/** As long as an invocation of Lambda. */
const MAX_TIMEOUT_MS = 900_000;

/** Of the connection, not of the call (RFC 9110 section 7.6.1), or set by the sender: undici refuses most of them. */
const OF_THE_CONNECTION = [
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/**
 * @param baseUrl the API's base; `input` is resolved against it by the rules of RFC 3986
 * @throws {RequestRefusedError} the URL leaves the API's origin or is none, or a header or an option is not valid
 */
export function apiRequest(
  client: string,
  baseUrl: URL,
  input: string | URL,
  given?: PlumeRequestInit | null,
): ApiRequest {
  const url = urlOf(client, baseUrl, input);
  // As for `fetch`, null is as good as nothing.
  const {
    query,
    json,
    timeoutMs,
    retry,
    priority,
    headers: own,
    signal,
    ...init
  } = (given ?? {}) as PlumeRequestInit & RequestInit;
  const call = { method: String(init.method ?? 'GET').toUpperCase(), path: url.pathname };
  const refused = (rule: string) => new RequestRefusedError(client, call, rule);
  if (given !== undefined && typeof given !== 'object') throw refused('its options must be an object');
  const broken =
    brokenRule(init, { signal, timeoutMs, retry, priority }) ??
    (query === undefined ? undefined : addQuery(url, query));
  if (broken !== undefined) throw refused(`its option ${broken}`);
  if (json !== undefined && init.body != null) throw refused('it has both json and a body');

  const headers = own == null ? {} : headersOf(own);
  if (typeof headers === 'string') throw refused(headers);
  if (json !== undefined) {
    init.body = serialised(json) ?? null;
    if (init.body === null) throw refused('its json cannot be written as JSON');
    headers['content-type'] ??= 'application/json';
  }
  // Redirects are not followed: each hop would be a call without a ticket, perhaps to another origin.
  init.redirect = 'manual';

  return {
    ...call,
    url,
    headers,
    signal: signal ?? undefined,
    init,
    repeatable: !isStream(init.body),
    timeoutMs,
    retry,
    priority: usual(priority),
  };
}

function urlOf(client: string, baseUrl: URL, input: string | URL): URL {
  const refused = (rule: string) => new RequestRefusedError(client, undefined, rule);
  let url: URL;
  try {
    url = new URL(input, baseUrl);
  } catch {
    throw refused('it is neither a path nor a URL');
  }
  if (url.origin !== baseUrl.origin)
    throw refused(`it goes to ${url.origin}, but the token is only for ${baseUrl.origin}`);
  if (url.username !== '' || url.password !== '') throw refused('its URL holds a user name or a password');
  return url;
}

function brokenRule(
  init: RequestInit,
  {
    signal,
    timeoutMs,
    retry,
    priority,
  }: Pick<ApiRequest, 'timeoutMs' | 'retry'> & {
    readonly signal: unknown;
    readonly priority: unknown;
  },
): string | undefined {
  const { dispatcher } = init as { readonly dispatcher?: { readonly dispatch?: unknown } };
  if (signal != null && !(signal instanceof AbortSignal)) return 'signal must be an AbortSignal';
  if (dispatcher != null && typeof dispatcher.dispatch !== 'function')
    return 'dispatcher must be one of undici';
  const isTime = typeof timeoutMs === 'number' && timeoutMs >= 1 && timeoutMs <= MAX_TIMEOUT_MS;
  if (timeoutMs !== undefined && !isTime)
    return `timeoutMs must be a number of milliseconds, 1 to ${MAX_TIMEOUT_MS}`;
  if (priority !== undefined && priority !== 'auto' && priority !== 'high' && !isPriority(priority))
    return `priority ${PRIORITY_RULE}`;
  return retry === undefined ? undefined : brokenRetryRule(retry);
}

/** By the values of `fetch` too. */
function usual(priority: PlumeRequestInit['priority']): Priority | undefined {
  return priority === 'high' ? 'normal' : priority === 'auto' ? undefined : priority;
}

/** Undefined if it is none. The platform's message would repeat names of what it found. */
function serialised(json: unknown): string | undefined {
  try {
    return JSON.stringify(json);
  } catch {
    return undefined;
  }
}

/** By their names in small letters; or the rule that they break. */
function headersOf(given: NonNullable<RequestInit['headers']>): Record<string, string> | string {
  let headers: Headers;
  try {
    headers = new Headers(given);
  } catch {
    // The platform's message would repeat the value.
    return 'its headers are not valid';
  }
  const ofConnection = OF_THE_CONNECTION.filter((name) => headers.has(name));
  return ofConnection.length === 0
    ? Object.fromEntries(headers)
    : `the headers ${ofConnection.join(', ')} are those of a connection, not of a call; leave them out`;
}

function isStream(body: RequestInit['body'] | undefined): boolean {
  return (
    typeof body === 'object' &&
    body !== null &&
    (body instanceof ReadableStream || Symbol.asyncIterator in body)
  );
}
