/** What a parameter of the query may be. Written as `String` writes it, encoded as `URLSearchParams` does. */
export type QueryValue = string | number | boolean;

/** Added to the query of the path. A list is one parameter for each of its values; what is undefined is left out. */
export type Query =
  | URLSearchParams
  | Readonly<Record<string, QueryValue | readonly QueryValue[] | undefined>>;

/**
 * Adds parameters to the URL's query. Keeps the existing query string byte for byte.
 *
 * @returns the rule that the parameters break, as the end of a sentence
 */
export function addQuery(url: URL, query: Query): string | undefined {
  if (typeof query !== 'object' || query === null || Array.isArray(query))
    return 'query must be an object or URLSearchParams';
  const pairs = query instanceof URLSearchParams ? [...query] : pairsOf(query);
  if (!pairs.every(([, value]) => isText(value)))
    return 'query must have strings, finite numbers and booleans, or lists of them: other values have no text';
  const added = new URLSearchParams(
    pairs.map(([name, value]): [string, string] => [name, String(value)]),
  ).toString();
  url.search = [url.search.slice(1), added].filter((part) => part !== '').join('&');
  return undefined;
}

function pairsOf(query: Exclude<Query, URLSearchParams>): [string, QueryValue][] {
  return Object.entries(query).flatMap(([name, value]) =>
    [value].flat().flatMap((one): [string, QueryValue][] => (one === undefined ? [] : [[name, one]])),
  );
}

function isText(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
}
