import pMap from 'p-map';
import type { Secrets } from '../credentials/secrets.ts';
import { isPlumeError } from '../errors.ts';
import type { Clock } from '../platform/clock.ts';
import { errorFields } from '../telemetry/error-fields.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { ClientRecords } from './client-records.ts';
import type { DeleteClient } from './delete-client.ts';
import type { SecretListing } from './secret-listing.ts';

export interface RemovalDependencies {
  readonly secrets: Secrets;
  readonly clientRecords: ClientRecords;
  readonly deleteClient: DeleteClient;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Another one at every call. */
  readonly newOwner: () => string;
}

/** ListSecrets may lag by five minutes (AWS documentation): a name is missing once two lists so far apart lack it. */
const MISSING_FOR_MS = 5 * 60_000;
/** The missing are remembered in one item of the table: more are found when these are gone. */
const MAX_MISSING = 500;
/** Longer than deleting two items takes. */
const REMOVAL_LEASE_MS = 20_000;
const PARALLEL = 8;

/**
 * Compares a list of all secrets with the clients that are known. A client that is missing for long enough, and whose secret
 * Secrets Manager then calls deleted or unknown, is removed: its token, its record and its alarms. An empty
 * list proves nothing: the prefix may be wrong.
 */
export async function removeMissing(
  dependencies: RemovalDependencies,
  {
    known,
    named,
    missing,
    startedMs,
  }: {
    readonly known: readonly string[];
    readonly named: ReadonlySet<string>;
    readonly missing: SecretListing['missing'];
    readonly startedMs: number;
  },
): Promise<{ readonly missing: SecretListing['missing']; readonly removed: readonly string[] }> {
  if (named.size === 0) return { missing, removed: [] };
  const absent = known.filter((client) => !named.has(client)).slice(0, MAX_MISSING);
  const ends = await pMap(
    absent,
    async (client) => {
      const sinceMs = missing[client] ?? startedMs;
      const isLongAgo = startedMs - sinceMs >= MISSING_FOR_MS;
      const end = isLongAgo ? await removeIfGone(client, dependencies) : 'unsure';
      return { client, sinceMs, end };
    },
    { concurrency: PARALLEL },
  );
  return {
    missing: Object.fromEntries(
      ends.filter(({ end }) => end === 'unsure').map(({ client, sinceMs }) => [client, sinceMs]),
    ),
    removed: ends.filter(({ end }) => end === 'removed').map(({ client }) => client),
  };
}

async function removeIfGone(
  client: string,
  dependencies: RemovalDependencies,
): Promise<'removed' | 'there' | 'unsure'> {
  const { secrets, telemetry } = dependencies;
  try {
    await secrets.read(client);
    return 'there';
  } catch (error) {
    if (!isPlumeError(error) || error.code !== 'secret_missing') return 'unsure';
  }
  try {
    if (!(await forgetClient(client, dependencies))) return 'unsure';
  } catch (error) {
    telemetry.log(
      'error',
      'the token and records of a removed client could not be deleted; the minter tries again when it next lists the secrets',
      {
        client,
        error: errorFields(error),
      },
    );
    return 'unsure';
  }
  telemetry.metric('ClientRemoved', 1, { client });
  telemetry.log('warn', 'the secret of a client is gone, so its token and records were deleted', {
    client,
  });
  return 'removed';
}

/**
 * Takes a client's token out of service and forgets all that is known of it.
 *
 * @returns false if another minter is at work for it
 * @throws {PlumeError} `token_store_unavailable`; trying again is safe
 */
export async function forgetClient(
  client: string,
  {
    clientRecords,
    deleteClient,
    clock,
    newOwner,
  }: Pick<RemovalDependencies, 'clientRecords' | 'deleteClient' | 'clock' | 'newOwner'>,
): Promise<boolean> {
  const nowMs = clock.now();
  const held = await clientRecords.acquire({
    client,
    owner: newOwner(),
    nowMs,
    untilMs: nowMs + REMOVAL_LEASE_MS,
    despiteRest: true,
  });
  if (held === undefined) return false;
  await deleteClient(held.lease);
  return true;
}
