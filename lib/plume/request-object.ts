import { unlessAborted } from '../platform/unless-aborted.ts';
import { RequestRefusedError } from './errors.ts';
import type { PlumeRequestInit } from './request-init.ts';

/** What `fetch` may be given in place of a URL. */
export type CallInput = string | URL | Request;

/** By its members: a `Request` may come from another copy of the platform's. */
export function isRequest(input: CallInput): input is Request {
  return typeof input === 'object' && 'url' in input && 'headers' in input;
}

/**
 * A `Request` as a URL and options, among them what `init` says in their place. Its body is read, so that the call can be
 * made again after a rejected token.
 *
 * @param ended ends the reading, as the call's own signal does, with its reason
 * @throws {RequestRefusedError} the body cannot be read, or has been before
 */
export async function takeApart(
  client: string,
  request: Request,
  init: PlumeRequestInit | null | undefined,
  ended: AbortSignal,
): Promise<readonly [string, PlumeRequestInit]> {
  const { url, method, headers, signal } = request;
  const hasOwnBody = init != null && (init.body !== undefined || init.json !== undefined);
  const body =
    request.body === null || hasOwnBody
      ? undefined
      : await readBody(client, request, AbortSignal.any([ended, init?.signal ?? signal]));
  return [url, { method, headers, signal, ...(body !== undefined && { body }), ...init } as PlumeRequestInit];
}

async function readBody(client: string, request: Request, ended: AbortSignal): Promise<ArrayBuffer> {
  try {
    return await unlessAborted(request.arrayBuffer(), ended);
  } catch {
    ended.throwIfAborted();
    throw new RequestRefusedError(client, undefined, 'the body of its Request cannot be read');
  }
}
