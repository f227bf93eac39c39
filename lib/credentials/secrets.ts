import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { isPlumeError } from '../errors.ts';
import { CLIENT_NAME_RULE, checkClientName, isClientName } from '../platform/client-name.ts';
import type { EndpointUse } from '../platform/endpoint-url.ts';
import { errorReason } from '../platform/error-reason.ts';
import { type Credentials, parseCredentials } from './credentials.ts';
import { SecretMalformedError, SecretMissingError, SecretUnavailableError } from './errors.ts';
import { type ListedSecret, listSecretPages } from './list-secrets.ts';

/** A secret as it was read. */
export interface StoredSecret {
  readonly versionId: string;
  /**
   * What it says. Judged when it is asked for, so that the version of a malformed secret is known too.
   *
   * @throws {SecretMalformedError}
   */
  credentials(): Credentials;
}

/** The staging label of a secret's version: the one in use, and the one before. */
export type SecretStage = 'AWSCURRENT' | 'AWSPREVIOUS';

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
   * Reads a client's secret (GetSecretValue). Not cached: a rotated secret counts as soon as Secrets Manager shows it, which
   * is eventually consistent.
   *
   * @param stage the version's staging label; without a version of that label the secret counts as missing
   * @throws {ConfigError} if the name cannot be a client's
   * @throws {SecretMissingError}
   * @throws {SecretUnavailableError}
   */
  read(client: string, stage?: SecretStage): Promise<StoredSecret>;

  /**
   * Lists the clients that have a secret, or those whose secret changed at or after `changedSinceMs`. Page by page, the
   * last changed first; requests grow with what changed. Let spans overlap by more than five minutes: ListSecrets may
   * miss what is younger (AWS documentation). Secrets that are scheduled for deletion are not listed.
   *
   * @param options.from the cursor of a page that was read before, to go on after it
   * @throws {SecretUnavailableError} with reason `InvalidNextTokenException` if the cursor is not known any more
   */
  list(options?: ListOptions): AsyncIterable<SecretPage>;
}

export interface ListOptions {
  readonly changedSinceMs?: number | undefined;
  readonly from?: string | undefined;
}

export interface SecretPage {
  readonly entries: readonly SecretEntry[];
  /** Clients whose secret has no current value. */
  readonly unusable: readonly string[];
  /** Where the next page begins; absent after the last. */
  readonly cursor?: string | undefined;
}

/** GetSecretValue's errors for a secret that is not there; the second one also means: scheduled for deletion. */
const MISSING: ReadonlySet<string> = new Set(['ResourceNotFoundException', 'InvalidRequestException']);

/** The clients' secrets, named `<prefix>/<client>`. `onRejected` is called for each secret that `list` leaves out. */
export function createSecrets({
  secretsManager,
  prefix,
  endpointUse,
  onRejected,
}: {
  readonly secretsManager: SecretsManagerClient;
  readonly prefix: string;
  /** Where the credentials' addresses are asked. */
  readonly endpointUse?: EndpointUse;
  readonly onRejected?: (rejected: RejectedSecret) => void;
}): Secrets {
  const namePrefix = `${prefix}/`;

  /** What a page of the list says of clients. */
  function pageOf(listed: readonly ListedSecret[], cursor: string | undefined): SecretPage {
    const entries: SecretEntry[] = [];
    const unusable: string[] = [];
    for (const { entry, changedAtMs } of listed) {
      const { Name: secretName = '', SecretVersionsToStages: stages = {}, DeletedDate } = entry;
      if (!secretName.startsWith(namePrefix) || DeletedDate !== undefined) continue;
      const client = secretName.slice(namePrefix.length);
      const versionId = Object.keys(stages).find((version) => stages[version]?.includes('AWSCURRENT'));
      if (!isClientName(client)) {
        onRejected?.({ secretName, rule: `what follows ${namePrefix} must be ${CLIENT_NAME_RULE}` });
      } else if (versionId === undefined) {
        unusable.push(client);
        onRejected?.({ secretName, rule: 'it has no current value' });
      } else entries.push({ client, versionId, changedAtMs });
    }
    return { entries, unusable, cursor };
  }

  return {
    async read(client, stage = 'AWSCURRENT') {
      const secretName = `${prefix}/${checkClientName(client)}`;
      const { SecretString, VersionId } = await secretsManager
        .send(new GetSecretValueCommand({ SecretId: secretName, VersionStage: stage }))
        .catch((error: unknown) => {
          const reason = errorReason(error);
          throw MISSING.has(reason)
            ? new SecretMissingError(client, secretName)
            : new SecretUnavailableError({ client }, reason);
        });
      if (VersionId === undefined)
        throw new SecretUnavailableError({ client }, 'an answer without a version');
      return {
        versionId: VersionId,
        credentials() {
          if (SecretString === undefined)
            throw new SecretMalformedError(client, 'it must be text, not binary');
          return parseCredentials(client, SecretString, endpointUse);
        },
      };
    },

    async *list(options = {}) {
      try {
        for await (const { listed, cursor } of listSecretPages(secretsManager, namePrefix, options)) {
          yield pageOf(listed, cursor);
        }
      } catch (error) {
        throw isPlumeError(error) ? error : new SecretUnavailableError({ prefix }, errorReason(error));
      }
    },
  };
}
