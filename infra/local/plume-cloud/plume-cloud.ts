import { randomBytes } from 'node:crypto';
import type { Server } from 'node:http';

import { readBody, sendJson, startLoopbackServer } from '../emulators/loopback-server.ts';
import type { CloudEvent } from '../run/events.ts';
import { createPlumeApi } from './api.ts';
import { createAuthorizationServer, type Outage } from './authorization-server.ts';
import type { CloudClient } from './clients.ts';
import { createTokenIssuer } from './token-issuer.ts';
import { createWaf, sourceAddressOf, type WafSettings } from './waf.ts';

export interface PlumeCloud {
  readonly tokenUrl: string;
  readonly apiUrl: string;
  /** For callers in this process. */
  readonly server: Server;
  /** Revokes the client's live tokens. Returns their fingerprints. */
  revoke(client: string): readonly string[];
  /** Takes the authorization server down in that way; `undefined` brings it back. */
  setOutage(mode: Outage | undefined): void;
  /** While broken, another secret than the one handed over is right for the client. */
  setBroken(client: string, isBroken: boolean): void;
  /** From now on the authorization server takes this secret of the client, and no other. */
  setSecret(client: string, clientSecret: string): void;
  /** The API answers 401 to every token. */
  setRejectAll(reject: boolean): void;
  /** The WAF refuses every call for `durationMs`. */
  block(durationMs: number): void;
  /** Lets the process end while the cloud listens. */
  unref(): void;
  stop(): Promise<void>;
}

export interface PlumeCloudOptions {
  readonly clients: readonly CloudClient[];
  readonly waf: WafSettings;
  /** How long the API takes for an answer. */
  readonly latencyMs: number;
  /** Of which paths the API is; 404 is the answer of all others. @default - those below `/api/` and `/v1/` */
  readonly isApiPath?: (path: string) => boolean;
  readonly record: (event: CloudEvent) => void;
  /** Unix milliseconds that never go back. */
  readonly now: () => number;
}

const FORBIDDEN = '<html><head><title>403 Forbidden</title></head><body><h1>403 Forbidden</h1></body></html>';

/** The vendor's cloud: authorization server and API on one address, a WAF in front of both. */
export async function startPlumeCloud(options: PlumeCloudOptions): Promise<PlumeCloud> {
  const { clients, latencyMs, record, now, isApiPath = (path) => /^\/(api|v\d+)\//.test(path) } = options;
  const waf = createWaf(options.waf, now);
  const authorizationPath = `/oauth2/${randomBytes(10).toString('hex')}`;

  const server = await startLoopbackServer(async (request, response) => {
    // A call counts when it arrives, not when its body is complete.
    const address = sourceAddressOf(request);
    const { refused, inWindow } = waf.judge(address);
    record({ kind: 'call', address, inWindow, refused });
    const body = (await readBody(request)).toString();
    const { pathname } = new URL(request.url ?? '/', 'http://plume');
    if (refused) {
      response.writeHead(403, { 'content-type': 'text/html' }).end(FORBIDDEN);
    } else if (pathname.startsWith(`${authorizationPath}/v1/`)) {
      const endpoint = pathname.slice(`${authorizationPath}/v1/`.length);
      await authorizationServer.answer(endpoint, body, request, response);
    } else if (isApiPath(pathname)) {
      await api.answer(request, response);
    } else {
      record({ kind: 'answer', endpoint: 'other', status: 404 });
      sendJson(response, 404, { error: 'not_found' });
    }
  });
  const issuer = await createTokenIssuer(`${server.url}${authorizationPath}`, now);
  const api = createPlumeApi({ issuer, latencyMs, record });
  const authorizationServer = createAuthorizationServer({ clients, issuer, record });

  return {
    tokenUrl: `${server.url}${authorizationPath}/v1/token`,
    apiUrl: `${server.url}/`,
    server: server.server,
    revoke: (client) =>
      issuer.live(client).map((token) => {
        issuer.revoke(token);
        record({ kind: 'token-revoked', client, fingerprint: token.fingerprint });
        return token.fingerprint;
      }),
    setOutage: authorizationServer.setOutage,
    setBroken: authorizationServer.setBroken,
    setSecret: authorizationServer.setSecret,
    setRejectAll: api.setRejectAll,
    block: waf.block,
    unref: server.unref,
    stop: server.stop,
  };
}
