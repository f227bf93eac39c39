import { randomBytes, randomUUID } from 'node:crypto';

/** One secret. Times are Unix ms. */
export interface StoredSecret {
  readonly name: string;
  readonly arn: string;
  readonly createdAtMs: number;
  changedAtMs: number;
  description?: string | undefined;
  /** Set while the secret is scheduled for deletion. */
  deletedAtMs?: number | undefined;
  /** By version id. */
  readonly versions: Map<string, SecretVersion>;
}

export interface SecretVersion {
  readonly secretString: string;
  readonly createdAtMs: number;
  stages: string[];
}

/** An error of the API: its type and message as AWS words them. */
export class SecretsManagerError extends Error {
  override readonly name = 'SecretsManagerError';
  readonly type: string;

  constructor(type: string, message: string) {
    super(message);
    this.type = type;
  }
}

export interface SecretStore {
  create(name: string, secretString: string | undefined, description?: string): StoredSecret;
  /** By name or ARN, scheduled for deletion or not. @throws ResourceNotFoundException */
  lookUp(secretId: string): StoredSecret;
  /** By name or ARN. @throws ResourceNotFoundException; InvalidRequestException if it is scheduled for deletion */
  find(secretId: string): StoredSecret;
  /** Adds a version. With `AWSCURRENT`, the one that was current becomes `AWSPREVIOUS`. */
  put(secret: StoredSecret, secretString: string, versionId?: string, stages?: readonly string[]): string;
  delete(secret: StoredSecret, force: boolean): void;
  /** Takes back a deletion that is scheduled. */
  restore(secret: StoredSecret): void;
  all(): readonly StoredSecret[];
}

export function createSecretStore(now: () => number): SecretStore {
  const secrets = new Map<string, StoredSecret>();

  function put(
    secret: StoredSecret,
    secretString: string,
    versionId: string = randomUUID(),
    stages: readonly string[] = ['AWSCURRENT'],
  ): string {
    if (stages.includes('AWSCURRENT')) {
      for (const version of secret.versions.values()) {
        const wasCurrent = version.stages.includes('AWSCURRENT');
        version.stages = version.stages.filter((stage) => stage !== 'AWSCURRENT' && stage !== 'AWSPREVIOUS');
        if (wasCurrent) version.stages.push('AWSPREVIOUS');
      }
    }
    for (const version of secret.versions.values()) {
      version.stages = version.stages.filter((stage) => !stages.includes(stage));
    }
    secret.versions.set(versionId, { secretString, createdAtMs: now(), stages: [...stages] });
    secret.changedAtMs = now();
    return versionId;
  }

  function lookUp(secretId: string): StoredSecret {
    const secret = secrets.get(secretId) ?? [...secrets.values()].find(({ arn }) => arn === secretId);
    if (secret !== undefined) return secret;
    throw new SecretsManagerError(
      'ResourceNotFoundException',
      "Secrets Manager can't find the specified secret.",
    );
  }

  return {
    lookUp,
    create(name, secretString, description) {
      if (secrets.has(name)) {
        throw new SecretsManagerError(
          'ResourceExistsException',
          `The operation failed because the secret ${name} already exists.`,
        );
      }
      const suffix = randomBytes(3).toString('hex');
      const secret: StoredSecret = {
        name,
        arn: `arn:aws:secretsmanager:us-east-1:000000000000:secret:${name}-${suffix}`,
        createdAtMs: now(),
        changedAtMs: now(),
        description,
        versions: new Map(),
      };
      secrets.set(name, secret);
      if (secretString !== undefined) put(secret, secretString);
      return secret;
    },
    find(secretId) {
      const secret = lookUp(secretId);
      if (secret.deletedAtMs !== undefined) {
        throw new SecretsManagerError(
          'InvalidRequestException',
          "You can't perform this operation on the secret because it was marked for deletion.",
        );
      }
      return secret;
    },
    put,
    delete(secret, force) {
      if (force) secrets.delete(secret.name);
      else secret.deletedAtMs = now();
    },
    restore(secret) {
      secret.deletedAtMs = undefined;
    },
    all: () => [...secrets.values()],
  };
}
