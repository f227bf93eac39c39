import { randomBytes } from 'node:crypto';

import {
  CreateSecretCommand,
  DeleteSecretCommand,
  PutSecretValueCommand,
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
  return {
    async store(name, which) {
      const client = clients.find((candidate) => candidate.name === name);
      if (client === undefined) throw new Error(`there is no client ${name}`);
      const stored = which === 'right' ? client : { ...client, clientSecret: randomSecret() };
      await secretsManager.send(
        new PutSecretValueCommand({ SecretId: nameOf(client), SecretString: secretOf(stored) }),
      );
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
