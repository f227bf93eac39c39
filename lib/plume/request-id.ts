/** As API gateways and AWS name it. */
const HEADERS = ['x-request-id', 'x-amzn-requestid'];
const WORD = /^[\w.:-]{1,64}$/;

/**
 * The id by which the API's own logs know a call.
 *
 * @param token what the call carried: a server that repeats it is not believed
 */
export function requestIdOf({ headers }: Response, token: string): string | undefined {
  return HEADERS.map((name) => headers.get(name) ?? '').find(
    (id) => WORD.test(id) && !id.includes(token) && !token.includes(id),
  );
}
