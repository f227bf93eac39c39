import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Provider } from 'oidc-provider';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import { parseCredentials } from '../../../lib/credentials/credentials.ts';
import { introspect } from '../../../lib/oauth/introspection-request.ts';
import { requestToken } from '../../../lib/oauth/token-request.ts';
import { silentError } from '../../fixtures/leaks.ts';
import { VENDOR } from '../../fixtures/vendor-document.ts';
import { depsWith } from './support.ts';

/** An authorization server written by others. Times are the real ones, since it reads the clock itself. */
const CLIENT = { clientId: 'mocha-client_1', clientSecret: 'MARKER-s3cret_with~unreserved.characters' };
const { scope } = VENDOR;
const LIFETIME_SECONDS = 900;
const deps = depsWith({ now: () => Date.now() });

async function startProvider(accessTokenFormat: 'jwt' | 'opaque') {
  const server = createServer((request, response) => handle(request, response)).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const handle = new Provider(url, {
    clients: [
      {
        client_id: CLIENT.clientId,
        client_secret: CLIENT.clientSecret,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
        scope,
      },
    ],
    // A scope that it knows and this client may not have is refused; one that it does not know is left out.
    scopes: [...scope.split(' '), 'partnerId:latte-partner'],
    routes: { token: '/v1/token', introspection: '/v1/introspect' },
    ttl: { ClientCredentials: LIFETIME_SECONDS },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      resourceIndicators: {
        enabled: accessTokenFormat === 'jwt',
        defaultResource: () => 'https://api.example',
        getResourceServerInfo: () => ({ scope, accessTokenFormat, accessTokenTTL: LIFETIME_SECONDS }),
      },
    },
  }).callback();
  return {
    credentials: (change: object = {}) =>
      parseCredentials('mocha', JSON.stringify({ ...CLIENT, tokenUrl: `${url}/v1/token`, scope, ...change })),
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

type Started = Awaited<ReturnType<typeof startProvider>>;
let opaque: Started;
let jwt: Started;

beforeAll(async () => {
  // It warns of its development keys.
  vi.spyOn(console, 'warn').mockImplementation(() => {});
  vi.spyOn(console, 'info').mockImplementation(() => {});
  [opaque, jwt] = await Promise.all([startProvider('opaque'), startProvider('jwt')]);
});

afterAll(() => {
  opaque.stop();
  jwt.stop();
  vi.restoreAllMocks();
});

describe('against oidc-provider', () => {
  test('an opaque token is granted and introspected', async () => {
    const credentials = opaque.credentials();
    const grant = await requestToken(credentials, deps);
    expect(grant).toMatchObject({ expiresInSeconds: LIFETIME_SECONDS, scope });
    expect(grant.jwtExpSeconds).toBeUndefined();

    const answer = await introspect(credentials, grant.accessToken, deps);
    expect(answer).toMatchObject({ active: true, scope });
    const expSeconds = answer.active ? (answer.expSeconds ?? 0) : 0;
    expect(Math.abs(expSeconds - LIFETIME_SECONDS - grant.requestedAtMs / 1000)).toBeLessThan(5);

    expect(await introspect(credentials, `${grant.accessToken}x`, deps)).toEqual({ active: false });
  });

  test('a JWT is granted, and its exp agrees with expires_in', async () => {
    const grant = await requestToken(jwt.credentials(), deps);
    expect(grant.expiresInSeconds).toBe(LIFETIME_SECONDS);
    const expSeconds = grant.jwtExpSeconds ?? 0;
    expect(Math.abs(expSeconds - LIFETIME_SECONDS - grant.requestedAtMs / 1000)).toBeLessThan(5);
  });

  test('a wrong secret is invalid_client at both endpoints', async () => {
    const credentials = opaque.credentials({ clientSecret: `${CLIENT.clientSecret}-wrong` });
    const secrets = [CLIENT.clientSecret];
    const error = await silentError(() => requestToken(credentials, deps), secrets);
    expect(error).toMatchObject({ code: 'invalid_client', status: 401 });
    const other = await silentError(() => introspect(credentials, 'token', deps), secrets);
    expect(other).toMatchObject({ code: 'invalid_client', status: 401 });
  });

  test('a scope of another partner is invalid_scope', async () => {
    const credentials = opaque.credentials({ scope: 'partnerId:latte-partner role:partnerIdAdmin' });
    const error = await silentError(() => requestToken(credentials, deps), [CLIENT.clientSecret]);
    expect(error).toMatchObject({ code: 'invalid_scope', status: 400 });
  });

  test('a path that is not there is an unknown error', async () => {
    const credentials = opaque.credentials();
    const elsewhere = Object.create(credentials, {
      tokenUrl: { value: credentials.tokenUrl.replace('v1', 'v2') },
    });
    const error = await silentError(() => requestToken(elsewhere, deps), [CLIENT.clientSecret]);
    expect(error).toMatchObject({ code: 'oauth_error_unknown', status: 404 });
  });
});
