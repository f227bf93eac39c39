import { type ListSecretsInput, listSecrets } from './list-secrets.ts';
import {
  type SecretStore,
  SecretsManagerError,
  type SecretVersion,
  type StoredSecret,
} from './secret-store.ts';

/** The operations that are known, by the name that `X-Amz-Target` carries: input in, output out, both as JSON objects. */
export const OPERATIONS: Readonly<Record<string, (store: SecretStore, input: Input) => object>> = {
  CreateSecret(store, { Name, SecretString, Description }) {
    const secret = store.create(given(Name, 'Name'), SecretString, Description);
    return { ...identity(secret), VersionId: currentVersionId(secret) };
  },
  GetSecretValue(store, { SecretId, VersionId, VersionStage = 'AWSCURRENT' }) {
    const secret = store.find(given(SecretId, 'SecretId'));
    const [versionId, version] = findVersion(secret, VersionId, VersionStage);
    return {
      ...identity(secret),
      VersionId: versionId,
      SecretString: version.secretString,
      VersionStages: version.stages,
      CreatedDate: version.createdAtMs / 1000,
    };
  },
  DescribeSecret(store, { SecretId }) {
    return entryOf(store.lookUp(given(SecretId, 'SecretId')));
  },
  PutSecretValue(store, { SecretId, SecretString, ClientRequestToken, VersionStages }) {
    const secret = store.find(given(SecretId, 'SecretId'));
    const text = given(SecretString, 'SecretString');
    const versionId = store.put(secret, text, ClientRequestToken, VersionStages);
    return {
      ...identity(secret),
      VersionId: versionId,
      VersionStages: secret.versions.get(versionId)?.stages,
    };
  },
  UpdateSecret(store, { SecretId, SecretString, Description, ClientRequestToken }) {
    const secret = store.find(given(SecretId, 'SecretId'));
    if (Description !== undefined) secret.description = Description;
    if (SecretString === undefined) return identity(secret);
    return { ...identity(secret), VersionId: store.put(secret, SecretString, ClientRequestToken) };
  },
  DeleteSecret(store, { SecretId, ForceDeleteWithoutRecovery = false }) {
    const secret = store.find(given(SecretId, 'SecretId'));
    store.delete(secret, ForceDeleteWithoutRecovery);
    return { ...identity(secret), DeletionDate: Date.now() / 1000 };
  },

  RestoreSecret(store, { SecretId = '' }) {
    const secret = store.lookUp(SecretId);
    store.restore(secret);
    return identity(secret);
  },
  ListSecrets(store, input) {
    const { page, nextToken } = listSecrets(store.all(), input);
    return { SecretList: page.map(entryOf), NextToken: nextToken };
  },
};

export interface Input extends ListSecretsInput {
  readonly Name?: string;
  readonly SecretId?: string;
  readonly SecretString?: string;
  readonly Description?: string;
  readonly VersionId?: string;
  readonly VersionStage?: string;
  readonly VersionStages?: readonly string[];
  readonly ClientRequestToken?: string;
  readonly ForceDeleteWithoutRecovery?: boolean;
}

function given(value: string | undefined, name: string): string {
  if (value === undefined) {
    throw new SecretsManagerError('InvalidParameterException', `You must provide a value for ${name}.`);
  }
  return value;
}

function identity({ arn, name }: StoredSecret): { ARN: string; Name: string } {
  return { ARN: arn, Name: name };
}

function currentVersionId({ versions }: StoredSecret): string | undefined {
  return [...versions].find(([, { stages }]) => stages.includes('AWSCURRENT'))?.[0];
}

function findVersion(
  { versions }: StoredSecret,
  versionId: string | undefined,
  stage: string,
): [id: string, version: SecretVersion] {
  const found = [...versions].find(([id, { stages }]) =>
    versionId === undefined ? stages.includes(stage) : id === versionId,
  );
  if (found === undefined) {
    throw new SecretsManagerError(
      'ResourceNotFoundException',
      `Secrets Manager can't find the specified secret value for ${versionId === undefined ? `staging label: ${stage}` : `VersionId: ${versionId}`}`,
    );
  }
  return found;
}

function entryOf(secret: StoredSecret): object {
  const { createdAtMs, changedAtMs, deletedAtMs, description, versions } = secret;
  const staged = [...versions].filter(([, { stages }]) => stages.length > 0);
  return {
    ...identity(secret),
    Description: description,
    CreatedDate: createdAtMs / 1000,
    LastChangedDate: changedAtMs / 1000,
    DeletedDate: deletedAtMs === undefined ? undefined : deletedAtMs / 1000,
    SecretVersionsToStages: Object.fromEntries(staged.map(([id, { stages }]) => [id, stages])),
  };
}
