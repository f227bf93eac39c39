/** The headers of an answer that are passed on: others are of the connection, or were meant for a browser. */
export const RESPONSE_HEADERS: readonly string[] = [
  'content-language',
  'content-range',
  'content-type',
  'etag',
  'last-modified',
  'link',
  'location',
  'preference-applied',
  'retry-after',
  'x-amzn-requestid',
  'x-correlation-id',
  'x-request-id',
  'x-total-count',
];

/** @returns those that the answer has, by their names in small letters */
export function headersOf({ headers }: Response): Record<string, string> {
  return Object.fromEntries(
    RESPONSE_HEADERS.flatMap((name) => {
      const value = headers.get(name);
      return value === null ? [] : [[name, value]];
    }),
  );
}
