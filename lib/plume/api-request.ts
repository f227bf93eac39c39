import { RequestRefusedError } from './errors.ts';

/** One call as it is sent, with any token, as often as needed. */
export interface ApiRequest {
  readonly url: URL;
  readonly init: RequestInit;
  /** The caller's headers, to which the token is added at each attempt. */
  readonly headers: Headers;
  /** For messages: no query, since it can hold personal data. */
  readonly method: string;
  readonly path: string;
  /** False for a body that is consumed by sending it. */
  readonly repeatable: boolean;
}

/**
 * @param baseUrl the API's base; `input` is resolved against it by the rules of RFC 3986
 * @throws {RequestRefusedError} the URL leaves the API's origin or is none, or a header is not valid
 */
export function apiRequest(
  client: string,
  baseUrl: URL,
  input: string | URL,
  init: RequestInit = {},
): ApiRequest {
  if (!URL.canParse(input.toString(), baseUrl.href))
    throw new RequestRefusedError(client, 'it is neither a path nor a URL');
  const url = new URL(input, baseUrl);
  if (url.origin !== baseUrl.origin) {
    throw new RequestRefusedError(
      client,
      `it goes to ${url.origin}, and the token is for ${baseUrl.origin} alone`,
    );
  }
  if (url.username !== '' || url.password !== '')
    throw new RequestRefusedError(client, 'it holds credentials');
  return {
    url,
    headers: headersOf(client, init),
    // Redirects are not followed: each hop would be a call without a ticket, perhaps to another origin.
    init: { ...init, redirect: 'manual' },
    method: init.method?.toUpperCase() ?? 'GET',
    path: url.pathname,
    repeatable: !isStream(init.body),
  };
}

function headersOf(client: string, { headers }: RequestInit): Headers {
  try {
    return new Headers(headers);
  } catch {
    // The platform's message would repeat the value.
    throw new RequestRefusedError(client, 'its headers are not valid');
  }
}

function isStream(body: RequestInit['body']): boolean {
  return (
    typeof body === 'object' &&
    body !== null &&
    (body instanceof ReadableStream || Symbol.asyncIterator in body)
  );
}
