import { readText } from '../platform/read-text.ts';
import { retryAfterMs } from '../platform/retry-after.ts';

/** A response, read as far as it is worth reading. */
export interface Answer {
  readonly status: number;
  readonly isJson: boolean;
  readonly retryAfterMs?: number | undefined;
  /** The body of a JSON response with status 200 or 4xx; undefined for others, and if it is too large. */
  readonly body?: string | undefined;
}

/** A token response has a few kilobytes; what is larger is not one. */
export const MAX_BODY_BYTES = 256 * 1024;

/**
 * Reads a response, at most {@link MAX_BODY_BYTES} of it and nothing of a body that has no say.
 *
 * @throws whatever the connection throws when it breaks or its signal aborts
 */
export async function readAnswer(response: Response, nowMs: number): Promise<Answer> {
  const { status } = response;
  const isJson = /^application\/([\w.+-]+\+)?json\s*(;|$)/i.test(response.headers.get('content-type') ?? '');
  const hasSay = isJson && (status === 200 || (status >= 400 && status < 500));
  const body = hasSay ? await readText(response, MAX_BODY_BYTES) : await discard(response);
  return { status, isJson, retryAfterMs: retryAfterMs(response.headers.get('retry-after'), nowMs), body };
}

async function discard({ body }: Response): Promise<undefined> {
  // The status has decided; a connection that breaks now changes nothing.
  await body?.cancel().catch(() => {});
  return undefined;
}
