/**
 * The headers that a job may have sent, in small letters. Others are the broker's own (authorization, content-type), those of the
 * connection, or could name another sender.
 */
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
