import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';

import { type LoopbackServer, readBody, startLoopbackServer } from '../loopback-server.ts';
import { type Input, OPERATIONS } from './operations.ts';
import { createSecretStore, SecretsManagerError } from './secret-store.ts';

/** Secrets Manager's API (JSON 1.1) as far as the broker and the creators of its secrets need it. Secrets live in memory. */
export async function startSecretsManager(now: () => number): Promise<LoopbackServer> {
  const store = createSecretStore(now);
  return startLoopbackServer(async (request, response) => {
    const body = (await readBody(request)).toString() || '{}';
    const name = String(request.headers['x-amz-target']).replace(/^secretsmanager\./, '');
    const operation = Object.hasOwn(OPERATIONS, name) ? OPERATIONS[name] : undefined;
    try {
      if (operation === undefined) {
        throw new SecretsManagerError('UnknownOperationException', 'The operation is not known here.');
      }
      send(response, 200, operation(store, parse(body)));
    } catch (error) {
      if (!(error instanceof SecretsManagerError)) throw error;
      send(response, 400, { __type: error.type, Message: error.message });
    }
  });
}

function parse(body: string): Input {
  try {
    return JSON.parse(body);
  } catch {
    throw new SecretsManagerError('SerializationException', 'The request body is not JSON.');
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, {
    'content-type': 'application/x-amz-json-1.1',
    'x-amzn-requestid': randomUUID(),
  });
  response.end(JSON.stringify(body));
}
