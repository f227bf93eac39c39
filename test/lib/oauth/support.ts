import { parseCredentials } from '../../../lib/credentials/credentials.ts';
import type { OAuthDeps } from '../../../lib/oauth/exchange.ts';
import { VENDOR } from '../../fixtures/vendor-document.ts';

/** Stand for the client secret and for a token: searched for in everything that an error shows. */
export const SECRET = 'MARKER-client-s3cr3t~value';
export const TOKEN = 'MARKER-access-t0ken.value';
export const SECRETS = [SECRET, TOKEN, btoa(`id:${SECRET}`)];

export const NOW_MS = Date.UTC(2026, 0, 1);

export function credentialsFor(tokenUrl: string = VENDOR.tokenUrl) {
  return parseCredentials(
    'mocha',
    JSON.stringify({ clientId: 'id', clientSecret: SECRET, tokenUrl, scope: VENDOR.scope }),
  );
}

export function depsWith(overrides: Partial<OAuthDeps> = {}): OAuthDeps {
  return { fetch, now: () => NOW_MS, timeoutMs: 5_000, ...overrides };
}

/** A server that gives one answer. */
export function answering(body: unknown, init: ResponseInit = {}): OAuthDeps {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const headers = { 'content-type': 'application/json', ...init.headers };
  return depsWith({ fetch: async () => new Response(text, { ...init, headers }) });
}
