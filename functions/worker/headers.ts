/**
 * Headers that pass between a job and the API. Others are the broker's own (authorization, content-type), those of the
 * connection, or could name another sender.
 */

/** What a job may have sent, in small letters. */
export const REQUEST_HEADERS: ReadonlySet<string> = new Set([
  'accept',
  'accept-language',
  'idempotency-key',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-unmodified-since',
  'prefer',
  'x-correlation-id',
  'x-request-id',
]);

/** What a result tells of the answer's. */
export const RESPONSE_HEADERS: readonly string[] = [
  'content-language',
  'content-range',
  'content-type',
  'etag',
  'last-modified',
  'link',
  'location',
  'preference-applied',
  'x-amzn-requestid',
  'x-correlation-id',
  'x-request-id',
  'x-total-count',
];

/** @returns those that the answer has */
export function headersOf({ headers }: Response): Record<string, string> {
  return Object.fromEntries(
    RESPONSE_HEADERS.flatMap((name) => {
      const value = headers.get(name);
      return value === null ? [] : [[name, value]];
    }),
  );
}
