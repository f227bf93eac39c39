import { randomBytes } from 'node:crypto';

import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

import { DEFAULT_SECRET_PREFIX } from '../../lib/contract.ts';
import { authorizationOf, type CloudClient, scopeOf } from './plume-cloud/clients.ts';
import type { Profile } from './profile.ts';
import { LOCAL_SDK_CONFIG } from './sdk-config.ts';

/** A client with an id and a secret of its own. */
export function createClient({ name, lifetimeSeconds }: Profile['clients'][number]): CloudClient {
  return {
    name,
    lifetimeSeconds,
    partner: `${name}-partner`,
    clientId: `0oa${randomBytes(8).toString('hex')}`,
    clientSecret: randomBytes(48).toString('base64url'),
  };
}

/** Puts the clients' secrets where the minter looks for them, as an operator does. */
export async function createSecrets(
  endpoint: string,
  clients: readonly CloudClient[],
  tokenUrl: string,
): Promise<void> {
  const secretsManager = new SecretsManagerClient({ ...LOCAL_SDK_CONFIG, endpoint });
  for (const client of clients) {
    const secret = { authorization: authorizationOf(client), tokenUrl, scope: scopeOf(client) };
    await secretsManager.send(
      new CreateSecretCommand({
        Name: `${DEFAULT_SECRET_PREFIX}/${client.name}`,
        SecretString: JSON.stringify(secret),
      }),
    );
  }
  secretsManager.destroy();
}
