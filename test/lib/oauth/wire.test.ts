import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';

import { type LoopbackServer, startLoopbackServer } from '../../../infra/local/emulators/loopback-server.ts';
import { MAX_BODY_BYTES } from '../../../lib/oauth/answer.ts';
import type { OAuthDeps } from '../../../lib/oauth/exchange.ts';
import { introspect } from '../../../lib/oauth/introspection-request.ts';
import { requestToken } from '../../../lib/oauth/token-request.ts';
import { silentError } from '../../fixtures/leaks.ts';
import { credentialsFor, depsWith, SECRETS, TOKEN } from './support.ts';

let server: LoopbackServer | undefined;
const seen: string[] = [];

afterEach(async () => {
  await server?.stop();
  server = undefined;
  seen.length = 0;
});

const JSON_TYPE = { 'content-type': 'application/json' };
const GRANT = JSON.stringify({ access_token: TOKEN, token_type: 'Bearer', expires_in: 600, active: true });
const never = new Promise<void>(() => {});

/** What a server may do wrong, and what it is called. `reason` where the system names it. */
const FAULTS: Readonly<
  Record<string, { code: string; reason?: string; answer(response: ServerResponse): Promise<void> | void }>
> = {
  'says nothing': { code: 'oauth_unavailable', reason: 'timeout', answer: () => never },
  'stops after the headers': {
    code: 'oauth_unavailable',
    reason: 'timeout',
    answer: (response) => {
      response.writeHead(200, JSON_TYPE).flushHeaders();
    },
  },
  'stops in the middle of the body': {
    code: 'oauth_unavailable',
    reason: 'timeout',
    answer: (response) => {
      response.writeHead(200, { ...JSON_TYPE, 'content-length': GRANT.length }).write(GRANT.slice(0, 20));
    },
  },
  'sends a byte now and then': {
    code: 'oauth_unavailable',
    reason: 'timeout',
    answer: (response) => {
      response.writeHead(200, JSON_TYPE);
      const timer = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(timer));
    },
  },
  'cuts the connection': {
    code: 'oauth_unavailable',
    answer: (response) => {
      response.destroy();
    },
  },
  'cuts the connection in the middle of the body': {
    code: 'oauth_unavailable',
    answer: (response) => {
      response.writeHead(200, JSON_TYPE).write(GRANT.slice(0, 20), () => response.destroy());
    },
  },
  'is down for maintenance and never ends its page': {
    code: 'oauth_unavailable',
    answer: (response) => {
      response.writeHead(503, JSON_TYPE).write('{');
    },
  },
  'refuses as a WAF and never ends its page': {
    code: 'oauth_error_unknown',
    answer: (response) => {
      response.writeHead(403, { 'content-type': 'text/html' }).write('<html>');
    },
  },
  'redirects elsewhere': {
    code: 'oauth_response_invalid',
    answer: (response) => {
      response.writeHead(302, { location: '/elsewhere' }).end();
    },
  },
  'sends 10 MB of JSON': {
    code: 'oauth_response_invalid',
    answer: (response) => {
      response.writeHead(200, JSON_TYPE).end(JSON.stringify({ access_token: TOKEN, pad: 'x'.repeat(1e7) }));
    },
  },
  'sends 10 MB of JSON compressed': {
    code: 'oauth_response_invalid',
    answer: (response) => {
      const zipped = gzipSync(JSON.stringify({ access_token: TOKEN, pad: 'x'.repeat(1e7) }));
      response.writeHead(200, { ...JSON_TYPE, 'content-encoding': 'gzip' }).end(zipped);
    },
  },
  'sends JSON without end': {
    code: 'oauth_response_invalid',
    answer: (response) => {
      response.writeHead(200, JSON_TYPE);
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
      };
      response.on('drain', more);
      more();
    },
  },
  'calls JSON a page': {
    code: 'oauth_response_invalid',
    answer: (response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end(GRANT);
    },
  },
  'sends a page': {
    code: 'oauth_response_invalid',
    answer: (response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Welcome</html>');
    },
  },
};

async function serve(answer: (response: ServerResponse) => Promise<void> | void): Promise<string> {
  server = await startLoopbackServer(async (request: IncomingMessage, response) => {
    seen.push(request.url ?? '');
    request.resume();
    await answer(response);
  });
  return `${server.url}/v1/token`;
}

function requests(tokenUrl: string, deps: OAuthDeps): (() => Promise<unknown>)[] {
  const credentials = credentialsFor(tokenUrl);
  return [() => requestToken(credentials, deps), () => introspect(credentials, TOKEN, deps)];
}

describe.each(Object.entries(FAULTS))('a server that %s', (_, { code, reason, answer }) => {
  test(`is ${code}, in bounded time and space`, async () => {
    const tokenUrl = await serve(answer);
    // What is invalid is told before any time-out, on a busy machine too.
    const timeoutMs = code === 'oauth_unavailable' ? 150 : 60_000;
    for (const run of requests(tokenUrl, depsWith({ timeoutMs }))) {
      const error = await silentError(run, SECRETS);
      expect(error).toMatchObject({ code, ...(reason !== undefined && { reason }) });
    }
    expect(seen).toEqual(['/v1/token', '/v1/introspect']);
  });
});

test('a body of just the bound is read', async () => {
  const padded = GRANT.replace('}', `,"pad":"${'x'.repeat(MAX_BODY_BYTES - GRANT.length - 9)}"}`);
  expect(padded).toHaveLength(MAX_BODY_BYTES);
  const tokenUrl = await serve((response) => {
    response.writeHead(200, JSON_TYPE).end(padded);
  });
  expect((await requestToken(credentialsFor(tokenUrl), depsWith())).accessToken).toBe(TOKEN);
});

test('a server that is not there is unavailable, in the words of the system', async () => {
  const tokenUrl = await serve(() => {});
  await server?.stop();
  for (const run of requests(tokenUrl, depsWith())) {
    const error = await silentError(run, SECRETS);
    expect(error).toMatchObject({ code: 'oauth_unavailable', reason: 'ECONNREFUSED' });
  }
});

test('a request that is answered 421 is not sent again', async () => {
  let calls = 0;
  server = await startLoopbackServer(async (_, response) => {
    calls += 1;
    response.writeHead(421).end();
  });
  for (const run of requests(`${server.url}/v1/token`, depsWith())) {
    expect(await silentError(run, SECRETS)).toMatchObject({
      code: 'oauth_unavailable',
      reason: 'SECOND_REQUEST',
    });
  }
  expect(calls).toBe(2);
});

test('the stored header arrives byte for byte', async () => {
  const headers: unknown[] = [];
  server = await startLoopbackServer(async (request, response) => {
    headers.push(request.headers.authorization);
    response.writeHead(200, JSON_TYPE).end(GRANT);
  });
  for (const run of requests(`${server.url}/v1/token`, depsWith())) await run();
  const { authorization } = credentialsFor();
  expect(headers).toEqual([authorization, authorization]);
});
