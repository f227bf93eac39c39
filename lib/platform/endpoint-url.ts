const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** The URL, or the rule it breaks as the end of a sentence that starts with its name. */
export type EndpointUrl = { readonly url: string } | { readonly rule: string };

/** Where the URL will be used. */
export interface EndpointUse {
  /** In a function on Lambda, where the runtime API listens on loopback: it would be handed the token or the secret. */
  readonly isInLambda?: boolean;
}

/** @param environment of the process: Lambda names its runtime API there */
export function endpointUse(environment: Readonly<Record<string, string | undefined>>): EndpointUse {
  return { isInLambda: environment.AWS_LAMBDA_RUNTIME_API !== undefined };
}

/** An endpoint that credentials or tokens are sent to, so it must be https. */
export function parseEndpointUrl(text: string, { isInLambda = false }: EndpointUse = {}): EndpointUrl {
  if (/[\s\p{Cc}]/u.test(text) || !URL.canParse(text)) return { rule: 'must be a URL' };
  const url = new URL(text);
  const isLocal = url.protocol === 'http:' && LOOPBACK.test(url.hostname);
  if (isLocal && isInLambda)
    return { rule: 'must be an https URL (http to loopback works outside of Lambda only)' };
  if (url.protocol !== 'https:' && !isLocal) return { rule: 'must be an https URL (http for loopback only)' };
  if (url.username !== '' || url.password !== '') return { rule: 'must hold no user name and no password' };
  if (text.includes('#')) return { rule: 'must have no fragment' };
  return { url: url.href };
}

/** Plume's API: calls name their whole path, hence the base has none that could be forgotten. */
export function parseApiUrl(text: string, use?: EndpointUse): EndpointUrl {
  const parsed = parseEndpointUrl(text, use);
  if ('rule' in parsed) return parsed;
  const { pathname, search } = new URL(parsed.url);
  if (pathname !== '/' || search !== '') return { rule: 'must have no path: each call gives the whole path' };
  return parsed;
}

/** `…/v1/token` → `…/v1/introspect` (vendor document); undefined for any other last segment. */
export function introspectUrlOf(tokenUrl: string): string | undefined {
  const url = new URL(tokenUrl);
  if (!url.pathname.endsWith('/token')) return undefined;
  url.pathname = url.pathname.replace(/token$/, 'introspect');
  return url.href;
}
