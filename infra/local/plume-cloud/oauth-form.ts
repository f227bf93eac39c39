import { OAuthRefusalError } from './oauth-refusal.ts';

/** What a request to the token or introspection endpoint says. */
export interface OAuthForm {
  readonly authorization: string | undefined;
  /** Form parameters, each given once. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** @throws {OAuthRefusalError} invalid_request: the structure is wrong */
export function parseOAuthForm(
  method: string | undefined,
  headers: { readonly authorization?: string | undefined; readonly 'content-type'?: string | undefined },
  body: string,
): OAuthForm {
  if (method !== 'POST') throw new OAuthRefusalError('invalid_request', 'The request method must be POST.');
  if (!/^application\/x-www-form-urlencoded\s*(;|$)/i.test(headers['content-type'] ?? '')) {
    throw new OAuthRefusalError(
      'invalid_request',
      'The content type must be application/x-www-form-urlencoded.',
    );
  }
  const parameters = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(body)) {
    if (parameters.has(name)) {
      throw new OAuthRefusalError(
        'invalid_request',
        `The request contains the parameter '${name}' more than once.`,
      );
    }
    parameters.set(name, value);
  }
  return { authorization: headers.authorization, parameters };
}
