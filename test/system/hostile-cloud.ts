import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

import {
  type LoopbackServer,
  readBody,
  startLoopbackServer,
} from '../../infra/local/emulators/loopback-server.ts';
import type { Dye } from './dye.ts';

/** What an endpoint does with a request, and with what it was given in confidence. */
export type Behaviour = (given: Given, response: ServerResponse) => unknown;

export interface Given {
  readonly authorization: string;
  /** Of a request to the authorization server. */
  readonly form: URLSearchParams;
  readonly request: IncomingMessage;
}

/**
 * Authorization server and API of Plume, with a behaviour for each client and each path: they answer what no server
 * should, and repeat what they were told.
 */
export interface HostileCloud extends LoopbackServer {
  /** By client. What is not there grants tokens and calls them active. */
  readonly tokenAnswers: Map<string, Behaviour>;
  readonly introspectionAnswers: Map<string, Behaviour>;
  /** By the last segment of the path. What is not there is answered `{"ok":true}`. */
  readonly apiAnswers: Map<string, Behaviour>;
  /** The next call with each client's live token is rejected. */
  revoke(client: string): void;
  tokenUrl(client: string): string;
}

export async function startHostileCloud(
  token: Dye,
  record: (channel: string, text: string) => void,
): Promise<HostileCloud> {
  const tokenAnswers = new Map<string, Behaviour>();
  const introspectionAnswers = new Map<string, Behaviour>();
  const apiAnswers = new Map<string, Behaviour>();
  /** The last token granted to each client. */
  const live = new Map<string, string>();
  const revoked = new Set<string>();

  const server = await startLoopbackServer(async (request, response) => {
    const body = (await readBody(request)).toString();
    const { authorization = '', ...headers } = request.headers;
    const { pathname } = new URL(request.url ?? '/', 'http://plume');
    const [, part, client = '', last = ''] =
      /^\/(oauth2|api)\/([^/]+)\/(?:v1\/)?([^/]+)$/.exec(pathname) ?? [];
    const form = new URLSearchParams(body);
    const given: Given = { authorization, form: new URLSearchParams(body), request };
    // The token that is asked about stands in the form.
    if (last === 'introspect') form.delete('token');
    record('request to the cloud', `${request.url} ${JSON.stringify(headers)} ${form}`);

    if (part === 'oauth2' && last === 'token') {
      const behaviour = tokenAnswers.get(client) ?? grant(token);
      behaviour(given, response);
    } else if (part === 'oauth2') {
      const isActive = !revoked.has(form.get('token') ?? given.form.get('token') ?? '');
      (introspectionAnswers.get(client) ?? json(200, () => ({ active: isActive })))(given, response);
    } else {
      const value = authorization.replace('Bearer ', '');
      live.set(client, value);
      if (revoked.has(value)) json(401, () => ({ error: 'invalid_token', value }))(given, response);
      else (apiAnswers.get(last) ?? json(200, () => ({ ok: true })))(given, response);
    }
  });

  return {
    ...server,
    tokenAnswers,
    introspectionAnswers,
    apiAnswers,
    revoke: (client) => revoked.add(live.get(client) ?? ''),
    tokenUrl: (client) => `${server.url}/oauth2/${client}/v1/token`,
  };
}

/** A JWT of which every part is dyed, or an opaque token. */
export function dyedToken(dye: Dye, options: { opaque?: boolean; lifetimeSeconds?: number } = {}): string {
  const { opaque = false, lifetimeSeconds = 1800 } = options;
  if (opaque) return dye.secret().replaceAll(/[^\w.~-]/g, '.');
  const exp = Math.floor(Date.now() / 1000) + lifetimeSeconds;
  const part = (claims: object) => Buffer.from(JSON.stringify(claims)).toString('base64url');
  const signature = createHash('sha256').update(dye.secret()).digest('base64url');
  return `${part({ kid: dye.word, alg: 'RS256' })}.${part({ jti: `AT.${dye.secret()}`, exp })}.${dye.word}${signature}${dye.word}`;
}

export function grant(dye: Dye, options: { opaque?: boolean; lifetimeSeconds?: number } = {}): Behaviour {
  const { lifetimeSeconds = 1800 } = options;
  return json(200, () => ({
    token_type: 'Bearer',
    expires_in: lifetimeSeconds,
    access_token: dyedToken(dye, options),
  }));
}

/** Answers with JSON made of what was given. */
export function json(
  status: number,
  body: (given: Given) => object,
  headers: (given: Given) => Record<string, string> = () => ({}),
): Behaviour {
  return (given, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers(given) });
    response.end(JSON.stringify(body(given)));
  };
}

export function html(status: number): Behaviour {
  return ({ authorization, form }, response) => {
    response.writeHead(status, { 'content-type': 'text/html', 'x-echo': authorization });
    response.end(`<html><body>${authorization} ${form}</body></html>`);
  };
}

/** Half of a body that is announced to be whole; then the connection breaks. */
export const halfBody: Behaviour = ({ authorization, form }, response) => {
  const body = JSON.stringify({ access_token: form.get('token') ?? authorization, authorization });
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': 2 * body.length });
  response.write(body, () => response.destroy());
};

export const tenMegabytes: Behaviour = ({ authorization }, response) => {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ authorization, filling: 'x'.repeat(10_000_000) }));
};

export const redirect: Behaviour = ({ authorization, request }, response) => {
  const location = `http://${request.headers.host}/elsewhere?authorization=${encodeURIComponent(authorization)}`;
  response.writeHead(302, { location }).end();
};

export const hang: Behaviour = () => {};
export const cut: Behaviour = ({ request }) => request.socket.destroy();
