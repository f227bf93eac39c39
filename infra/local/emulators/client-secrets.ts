import { randomBytes } from 'node:crypto';

import {
  CreateSecretCommand,
  DeleteSecretCommand,
  PutSecretValueCommand,
  RestoreSecretCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';

import { DEFAULT_SECRET_PREFIX } from '../../../lib/contract.ts';
import { authorizationOf, type CloudClient, scopeOf } from '../plume-cloud/clients.ts';
import type { Profile } from '../run/profile.ts';
import { LOCAL_SDK_CONFIG } from './local.ts';

/** A client with an id and a secret of its own. */
export function createClient({ name, lifetimeSeconds }: Profile['clients'][number]): CloudClient {
  return {
    name,
    lifetimeSeconds,
    partner: `${name}-partner`,
    clientId: `0oa${randomBytes(8).toString('hex')}`,
    clientSecret: randomSecret(),
  };
}

/** The clients' secrets where the minter looks for them, as an operator keeps them. */
export interface ClientSecrets {
  /** A new version of a client's secret: the one that the vendor knows, or one that it does not. */
  store(client: string, which: 'right' | 'wrong'): Promise<void>;
  /**
   * A new version with a new secret, as after a rotation in the vendor's portal: from now on it is the right one.
   *
   * @returns the new secret, which the vendor has yet to accept
   */
  rotate(client: string): Promise<string>;
  /** Takes back a removal. */
  restore(client: string): Promise<void>;
  /** Deletes a client's secret, as an operator does who removes a partner: its name is kept for 30 days. */
  remove(client: string): Promise<void>;
  stop(): Promise<void>;
}

export async function createSecrets(
  endpoint: string,
  clients: readonly CloudClient[],
  tokenUrl: string,
): Promise<ClientSecrets> {
  const secretsManager = new SecretsManagerClient({ ...LOCAL_SDK_CONFIG, endpoint });
  const nameOf = ({ name }: CloudClient): string => `${DEFAULT_SECRET_PREFIX}/${name}`;
  const secretOf = (client: CloudClient): string =>
    JSON.stringify({ authorization: authorizationOf(client), tokenUrl, scope: scopeOf(client) });
  for (const client of clients) {
    await secretsManager.send(
      new CreateSecretCommand({ Name: nameOf(client), SecretString: secretOf(client) }),
    );
  }
  const right = new Map(clients.map((client) => [client.name, client]));
  const clientOf = (name: string): CloudClient => {
    const client = right.get(name);
    if (client === undefined) throw new Error(`unknown client ${name}`);
    return client;
  };
  const put = (client: CloudClient) =>
    secretsManager.send(
      new PutSecretValueCommand({ SecretId: nameOf(client), SecretString: secretOf(client) }),
    );
  return {
    async store(name, which) {
      const client = clientOf(name);
      await put(which === 'right' ? client : { ...client, clientSecret: randomSecret() });
    },
    async rotate(name) {
      const client = { ...clientOf(name), clientSecret: randomSecret() };
      right.set(name, client);
      await put(client);
      return client.clientSecret;
    },
    async restore(name) {
      await secretsManager.send(new RestoreSecretCommand({ SecretId: nameOf(clientOf(name)) }));
    },
    async remove(name) {
      await secretsManager.send(new DeleteSecretCommand({ SecretId: `${DEFAULT_SECRET_PREFIX}/${name}` }));
    },
    async stop() {
      secretsManager.destroy();
    },
  };
}

function randomSecret(): string {
  return randomBytes(48).toString('base64url');
}
