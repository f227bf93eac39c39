import { readText } from '../platform/read-text.ts';
import { retryAfterMs } from '../platform/retry-after.ts';
import { unixSeconds } from './unix-seconds.ts';

/** A response, read as far as it is worth reading. */
export interface Answer {
  readonly status: number;
  readonly isJson: boolean;
  /** How long the server asks to wait: its Retry-After or, with status 429, Okta's X-Rate-Limit-Reset. */
  readonly retryAfterMs?: number | undefined;
  /** The body of a JSON response with status 2xx or 4xx; undefined for others, and if it is too large. */
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
  const { status, headers } = response;
  const isJson = /^application\/([\w.+-]+\+)?json\s*(;|$)/i.test(headers.get('content-type') ?? '');
  const hasSay = isJson && ((status >= 200 && status < 300) || (status >= 400 && status < 500));
  const body = hasSay ? await readText(response, MAX_BODY_BYTES) : await discard(response);
  const waitMs = retryAfterMs(headers.get('retry-after'), nowMs);
  const resetMs = status === 429 ? rateLimitResetMs(headers, nowMs) : undefined;
  return { status, isJson, retryAfterMs: waitMs ?? resetMs, body };
}

async function discard({ body }: Response): Promise<undefined> {
  // The status has decided; a connection that breaks now changes nothing.
  await body?.cancel().catch(() => {});
  return undefined;
}

/** Until when, as Unix seconds by the server's own clock (Okta, rate limit headers), in milliseconds from now. */
function rateLimitResetMs(headers: Headers, nowMs: number): number | undefined {
  const resetMs = 1_000 * (unixSeconds(headers.get('x-rate-limit-reset')) ?? Number.NaN);
  const dateMs = Date.parse(headers.get('date') ?? '');
  const waitMs = resetMs - (Number.isNaN(dateMs) ? nowMs : dateMs);
  return Number.isNaN(waitMs) ? undefined : Math.max(0, waitMs);
}
