import {
  CreateSecretCommand,
  DeleteSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';

/** The one thing that is created by hand before a deployment. */
export interface Secret {
  readonly client: SecretsManagerClient;
  readonly name: string;
  put(value: Readonly<Record<string, string>>): Promise<void>;
  remove(): Promise<void>;
}

export async function createSecret(prefix: string, client: string): Promise<Secret> {
  const secretsManager = new SecretsManagerClient({});
  const name = `${prefix}/${client}`;
  await secretsManager.send(new CreateSecretCommand({ Name: name, SecretString: '{}' }));
  return {
    client: secretsManager,
    name,
    async put(value) {
      await secretsManager.send(
        new PutSecretValueCommand({ SecretId: name, SecretString: JSON.stringify(value) }),
      );
    },
    async remove() {
      await secretsManager.send(
        new DeleteSecretCommand({ SecretId: name, ForceDeleteWithoutRecovery: true }),
      );
      secretsManager.destroy();
    },
  };
}
