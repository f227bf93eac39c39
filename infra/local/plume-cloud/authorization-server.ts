import type { IncomingMessage, ServerResponse } from 'node:http';
import { sendJson } from '../emulators/loopback-server.ts';
import type { CloudEvent } from '../run/events.ts';
import type { CloudClient } from './clients.ts';
import { answerIntrospection } from './introspection-endpoint.ts';
import { type OAuthForm, parseOAuthForm } from './oauth-form.ts';
import { OAuthRefusalError } from './oauth-refusal.ts';
import { answerTokenRequest } from './token-endpoint.ts';
import type { TokenIssuer } from './token-issuer.ts';

/** How an authorization server that is down shows itself. */
export type Outage = 'unavailable' | 'refuse' | 'hang';

export interface AuthorizationServer {
  /** @param endpoint what follows `/oauth2/<id>/v1/` */
  answer(endpoint: string, body: string, request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** Takes it down in that way; `undefined` brings it back. */
  setOutage(mode: Outage | undefined): void;
  /** While broken, another secret than the one handed over is right for the client. */
  setBroken(client: string, isBroken: boolean): void;
  /** From now on this secret of the client is right, and no other. */
  setSecret(client: string, clientSecret: string): void;
}

export function createAuthorizationServer({
  clients,
  issuer,
  record,
}: {
  clients: readonly CloudClient[];
  issuer: TokenIssuer;
  record: (event: CloudEvent) => void;
}): AuthorizationServer {
  const broken = new Set<string>();
  /** Of clients whose secret was rotated. */
  const rotated = new Map<string, string>();
  let outage: Outage | undefined;

  function currentClients(): readonly CloudClient[] {
    return clients.map((client) => {
      const clientSecret = rotated.get(client.name) ?? client.clientSecret;
      return { ...client, clientSecret: broken.has(client.name) ? `${clientSecret}-changed` : clientSecret };
    });
  }

  async function answerForm(endpoint: 'token' | 'introspect', form: OAuthForm) {
    if (endpoint === 'introspect') return answerIntrospection(form, currentClients(), issuer);
    const { token, body } = await answerTokenRequest(form, currentClients(), issuer);
    const { client, fingerprint, issuedAtMs, expiresAtMs } = token;
    record({ kind: 'token-issued', client, fingerprint, issuedAtMs, expiresAtMs });
    return { client, body };
  }

  return {
    async answer(name, body, request, response) {
      const endpoint = name === 'token' || name === 'introspect' ? name : 'other';
      if (outage !== undefined) {
        record({ kind: 'answer', endpoint, status: outage === 'unavailable' ? 503 : 0 });
        if (outage === 'unavailable') sendJson(response, 503, { message: 'Service Unavailable' });
        if (outage === 'refuse') request.socket.destroy();
        return;
      }
      if (endpoint === 'other') {
        record({ kind: 'answer', endpoint, status: 404 });
        sendJson(response, 404, { error: 'not_found' });
        return;
      }
      try {
        const form = parseOAuthForm(request.method, request.headers, body);
        const answer = await answerForm(endpoint, form);
        record({ kind: 'answer', endpoint, status: 200, client: answer.client });
        sendJson(response, 200, answer.body, { 'cache-control': 'no-store' });
      } catch (error) {
        if (!(error instanceof OAuthRefusalError)) throw error;
        record({ kind: 'answer', endpoint, status: error.status });
        sendJson(response, error.status, error.body, error.headers);
      }
    },
    setOutage(mode) {
      outage = mode;
    },
    setBroken(client, isBroken) {
      if (isBroken) broken.add(client);
      else broken.delete(client);
    },
    setSecret(client, clientSecret) {
      rotated.set(client, clientSecret);
    },
  };
}
