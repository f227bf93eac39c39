/** The longest wait that is believed: a server's slip must not silence a client for longer. */
const MAX_WAIT_MS = 86_400_000;

/**
 * Retry-After as seconds or as a date (RFC 9110 section 10.2.3), in milliseconds from `nowMs`, at most a day;
 * undefined if there is none or it is malformed.
 */
export function retryAfterMs(header: string | null, nowMs: number): number | undefined {
  if (header === null) return undefined;
  const waitMs = /^\d+$/.test(header) ? Number(header) * 1000 : httpDateMs(header) - nowMs;
  return Number.isNaN(waitMs) ? undefined : Math.min(Math.max(0, waitMs), MAX_WAIT_MS);
}

/** Only IMF-fixdate: the other forms are obsolete, and Date.parse would take `-5` for a year. */
function httpDateMs(header: string): number {
  return /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(header)
    ? Date.parse(header)
    : Number.NaN;
}
