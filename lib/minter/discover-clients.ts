import pMap from 'p-map';
import type { ListOptions, SecretEntry } from '../credentials/secrets.ts';
import { errorFields } from '../telemetry/error-fields.ts';
import { type RemovalDependencies, removeMissing } from './remove-clients.ts';
import type { SecretListing, SecretListingStore } from './secret-listing.ts';

/** ListSecrets may miss changes of the last five minutes (AWS documentation), so spans overlap by more. */
const OVERLAP_MS = 10 * 60_000;
/** Changes that were missed nevertheless, and deleted secrets, are found then: within the hour. */
const LIST_ALL_EVERY_MS = 45 * 60_000;
/** The same while a client fails or its secret is missing: it may have been removed. */
const LIST_ALL_SOON_MS = 5 * 60_000;
const PARALLEL = 32;

export interface Discovery extends RemovalDependencies {
  readonly listing: SecretListingStore;
  /** What the store held when the tick began. */
  readonly listed: Promise<SecretListing | undefined>;
  readonly isAnyFailing: boolean;
  /** No page is read once this is over. */
  readonly timeLeftMs: () => number;
}

export interface Discovered {
  /** Clients whose secret is new or changed: they are due now. */
  readonly discovered: readonly string[];
  /** Clients whose secret is gone. */
  readonly removed: readonly string[];
}

/**
 * Finds new and changed secrets and makes their clients due. Requests grow with what changed in the last minutes. From time
 * to time all secrets are listed, over several ticks if need be: then those that no due date is known of are looked at, and
 * clients whose secret is gone are forgotten.
 *
 * @throws {PlumeError} `secret_unavailable`, `token_store_unavailable`; what was not found is found the next time
 */
export async function discoverClients(discovery: Discovery): Promise<Discovered> {
  const { clientRecords, listing, clock, isAnyFailing, timeLeftMs } = discovery;
  const startedMs = clock.now();
  const last = await discovery.listed;
  const halfLeftMs = timeLeftMs() / 2;
  const changed =
    last === undefined
      ? NOTHING
      : await takeUp(
          discovery,
          { changedSinceMs: last.listedAtMs - OVERLAP_MS },
          () => timeLeftMs() > halfLeftMs,
        );
  const isUnderWay = last?.cursor !== undefined;
  const isMissingAny = Object.keys(last?.missing ?? {}).length > 0;
  const everyMs = isAnyFailing || isMissingAny ? LIST_ALL_SOON_MS : LIST_ALL_EVERY_MS;
  const isFresh = last !== undefined && startedMs - last.allBegunAtMs < everyMs;
  // Changes that are too many for one tick are found among all secrets.
  if (changed.isComplete && isFresh && !isUnderWay) {
    await listing.save({ ...last, listedAtMs: startedMs });
    return { discovered: changed.adopted, removed: [] };
  }

  const all: SecretListing = {
    listedAtMs: startedMs,
    allBegunAtMs: isUnderWay ? last.allBegunAtMs : startedMs,
    cursor: last?.cursor,
    missing: last?.missing ?? {},
  };
  const known = await clientRecords.due();
  const dueAtMs = new Map(known.map((due) => [due.client, due.dueAtMs]));
  // A client that will be due reads its secret anyway then; one that is overdue may wait for just this change.
  const isOpen = ({ client }: SecretEntry): boolean => (dueAtMs.get(client) ?? 0) <= startedMs;
  try {
    const found = await takeUp(discovery, { from: all.cursor }, () => timeLeftMs() > 0, isOpen);
    const isWhole = found.cursor === undefined && !isUnderWay;
    const { missing, removed } = isWhole
      ? await removeMissing(discovery, {
          known: [...dueAtMs.keys()],
          ...found,
          missing: all.missing,
          startedMs,
        })
      : { missing: all.missing, removed: [] };
    await listing.save({ ...all, cursor: found.cursor, missing });
    return { discovered: [...changed.adopted, ...found.adopted], removed };
  } catch (error) {
    // Begun anew at the next tick: its place may not be known any more.
    await listing.save({ ...all, allBegunAtMs: 0, cursor: undefined });
    throw error;
  }
}

interface TakenUp {
  readonly adopted: readonly string[];
  /** Every client that the list names, whether or not it was looked at. */
  readonly named: ReadonlySet<string>;
  /** Where the list goes on, if it was not read to its end. */
  readonly cursor?: string | undefined;
  /** The list was read to its end, and each of its clients could be taken up. */
  readonly isComplete: boolean;
}

const NOTHING: TakenUp = { adopted: [], named: new Set(), isComplete: true };

async function takeUp(
  discovery: Discovery,
  options: ListOptions,
  isTimeLeft: () => boolean,
  isCandidate: (entry: SecretEntry) => boolean = () => true,
): Promise<TakenUp> {
  const adopted: string[] = [];
  const named = new Set<string>();
  let isComplete = true;
  for await (const { entries, unusable, cursor } of discovery.secrets.list(options)) {
    for (const client of [...entries.map((entry) => entry.client), ...unusable]) named.add(client);
    const ends = await pMap(entries.filter(isCandidate), (entry) => adopt(entry, discovery), {
      concurrency: PARALLEL,
    });
    for (const { client, end } of ends) {
      if (end === 'adopted') adopted.push(client);
      isComplete &&= end !== 'failed';
    }
    if (cursor !== undefined && !isTimeLeft()) return { adopted, named, cursor, isComplete: false };
  }
  return { adopted, named, isComplete };
}

/** One client that cannot be adopted keeps no other from it. */
async function adopt(
  { client, versionId, changedAtMs }: SecretEntry,
  { clientRecords, telemetry, clock }: Discovery,
): Promise<{ readonly client: string; readonly end: 'adopted' | 'known' | 'failed' }> {
  try {
    const isNew = await clientRecords.adopt(client, { versionId, changedAtMs }, clock.now());
    return { client, end: isNew ? 'adopted' : 'known' };
  } catch (error) {
    telemetry.log('error', 'a new secret could not be registered', { client, error: errorFields(error) });
    return { client, end: 'failed' };
  }
}
