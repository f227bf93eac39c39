import { RequestRefusedError } from './errors.ts';
import type { PlumeRequestInit, Query } from './request-init.ts';
import { brokenRetryRule, type RetryOptions } from './retry-policy.ts';

/** One call as it is sent, with any token, as often as needed. */
export interface ApiRequest {
  readonly url: URL;
  readonly init: RequestInit;
  /** The caller's headers; each attempt sets its token in them. */
  readonly headers: Headers;
  /** For messages: no query, since it can hold personal data. */
  readonly method: string;
  readonly path: string;
  /** False for a body that is consumed by sending it. */
  readonly repeatable: boolean;
  readonly timeoutMs: number | undefined;
  readonly retry: RetryOptions | undefined;
}

/** As long as an invocation of Lambda. */
const MAX_TIMEOUT_MS = 900_000;

/**
 * @param baseUrl the API's base; `input` is resolved against it by the rules of RFC 3986
 * @throws {RequestRefusedError} the URL leaves the API's origin or is none, or a header or an option is not valid
 */
export function apiRequest(
  client: string,
  baseUrl: URL,
  input: string | URL,
  { query, json, timeoutMs, retry, ...init }: PlumeRequestInit = {},
): ApiRequest {
  const url = urlOf(client, baseUrl, input);
  const call = { method: init.method?.toUpperCase() ?? 'GET', path: url.pathname };
  const refused = (rule: string) => new RequestRefusedError(client, call, rule);
  const broken = brokenRule(timeoutMs, retry);
  if (broken !== undefined) throw refused(`its option ${broken}`);
  if (json !== undefined && init.body != null) throw refused('it has both json and a body');

  if (query !== undefined) addQuery(url, query);
  const headers = headersOf(init);
  if (headers === undefined) throw refused('its headers are not valid');
  const body = json === undefined ? init.body : serialised(json);
  if (json !== undefined) {
    if (body === undefined) throw refused('its json cannot be written as JSON');
    if (!headers.has('content-type')) headers.set('content-type', 'application/json');
  }

  return {
    ...call,
    url,
    headers,
    // Redirects are not followed: each hop would be a call without a ticket, perhaps to another origin.
    init: { ...init, ...(body !== undefined && { body }), redirect: 'manual' },
    repeatable: !isStream(body),
    timeoutMs,
    retry,
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
    throw refused(`it goes to ${url.origin}, and the token is for ${baseUrl.origin} alone`);
  if (url.username !== '' || url.password !== '') throw refused('it holds credentials');
  return url;
}

/** What stands there already is left as it is written. */
function addQuery(url: URL, query: Query): void {
  const added = query instanceof URLSearchParams ? query : new URLSearchParams(pairsOf(query));
  url.search = [url.search.slice(1), added.toString()].filter((part) => part !== '').join('&');
}

function pairsOf(query: Exclude<Query, URLSearchParams>): [string, string][] {
  return Object.entries(query).flatMap(([name, value]) =>
    [value].flat().flatMap((one): [string, string][] => (one === undefined ? [] : [[name, String(one)]])),
  );
}

function brokenRule(timeoutMs: number | undefined, retry: RetryOptions | undefined): string | undefined {
  if (timeoutMs !== undefined && !(timeoutMs >= 1 && timeoutMs <= MAX_TIMEOUT_MS))
    return `timeoutMs must be a number of milliseconds, 1 to ${MAX_TIMEOUT_MS}`;
  return retry && brokenRetryRule(retry);
}

/** Undefined if it is none. The platform's message would repeat names of what it found. */
function serialised(json: unknown): string | undefined {
  try {
    return JSON.stringify(json);
  } catch {
    return undefined;
  }
}

/** Undefined if they are none. The platform's message would repeat the value. */
function headersOf({ headers }: RequestInit): Headers | undefined {
  try {
    return new Headers(headers);
  } catch {
    return undefined;
  }
}

function isStream(body: RequestInit['body']): boolean {
  return (
    typeof body === 'object' &&
    body !== null &&
    (body instanceof ReadableStream || Symbol.asyncIterator in body)
  );
}
