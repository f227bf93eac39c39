import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

import { errorReason } from '../error-reason.ts';
import { CLIENT_NAME_RULE, checkClientName, isClientName } from './client-name.ts';
import { type Credentials, parseCredentials } from './credentials.ts';
import { SecretMalformedError, SecretMissingError, SecretUnavailableError } from './errors.ts';
import { listSecretsChanged } from './list-secrets.ts';

/** One client as the list of secrets shows it. */
export interface SecretEntry {
  readonly client: string;
  /** The version that carries AWSCURRENT: another one means that the secret was rotated. */
  readonly versionId: string;
  readonly changedAtMs: number;
}

/** A secret under the prefix that belongs to no client: its name or its versions break a rule. */
export interface RejectedSecret {
  readonly secretName: string;
  readonly rule: string;
}

export interface Secrets {
  /**
   * Reads a client's current secret (GetSecretValue, AWSCURRENT). Not cached: a rotated secret counts at once.
   *
   * @throws {ConfigError} if the name cannot be a client's
   * @throws {SecretMissingError}
   * @throws {SecretMalformedError}
   * @throws {SecretUnavailableError}
   */
  read(client: string): Promise<{ readonly credentials: Credentials; readonly versionId: string }>;

  /**
   * Finds the clients whose secret changed at or after `changedSinceMs`; all of them without it. Requests grow
   * with what changed. Let spans overlap by more than five minutes: ListSecrets may miss what is younger (AWS
   * documentation). Secrets that are scheduled for deletion are not listed.
   *
   * @throws {SecretUnavailableError}
   */
  list(changedSinceMs?: number): Promise<readonly SecretEntry[]>;
}

/** The clients' secrets, named `<prefix>/<client>`. `onRejected` hears of those that `list` leaves out. */
export function createSecrets({
  client: secretsManager,
  prefix,
  onRejected,
}: {
  readonly client: SecretsManagerClient;
  readonly prefix: string;
  readonly onRejected?: (rejected: RejectedSecret) => void;
}): Secrets {
  return {
    async read(client) {
      const secretName = `${prefix}/${checkClientName(client)}`;
      const { SecretString, VersionId } = await secretsManager
        .send(new GetSecretValueCommand({ SecretId: secretName }))
        .catch((error: unknown) => {
          const reason = errorReason(error);
          throw MISSING.has(reason)
            ? new SecretMissingError(client, secretName)
            : new SecretUnavailableError({ client }, reason);
        });
      if (VersionId === undefined)
        throw new SecretUnavailableError({ client }, 'an answer without a version');
      if (SecretString === undefined) throw new SecretMalformedError(client, 'it must be text, not binary');
      return { credentials: parseCredentials(client, SecretString), versionId: VersionId };
    },

    async list(changedSinceMs) {
      const namePrefix = `${prefix}/`;
      const found: SecretEntry[] = [];
      try {
        for await (const { entry, changedAtMs } of listSecretsChanged(
          secretsManager,
          namePrefix,
          changedSinceMs,
        )) {
          const { Name: secretName = '', SecretVersionsToStages: stages = {}, DeletedDate } = entry;
          if (!secretName.startsWith(namePrefix) || DeletedDate !== undefined) continue;
          const client = secretName.slice(namePrefix.length);
          const versionId = Object.keys(stages).find((version) => stages[version]?.includes('AWSCURRENT'));
          const reject = (rule: string): void => onRejected?.({ secretName, rule });
          if (!isClientName(client)) reject(`what follows ${namePrefix} must be ${CLIENT_NAME_RULE}`);
          else if (versionId === undefined) reject('it has no current value');
          else found.push({ client, versionId, changedAtMs });
        }
      } catch (error) {
        throw new SecretUnavailableError({ prefix }, errorReason(error));
      }
      return found;
    },
  };
}

/** GetSecretValue's errors for a secret that is not there; the second one also means: scheduled for deletion. */
const MISSING: ReadonlySet<string> = new Set(['ResourceNotFoundException', 'InvalidRequestException']);
