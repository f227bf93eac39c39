import pMap from 'p-map';
import type { ListOptions, SecretEntry, Secrets } from '../credentials/secrets.ts';
import type { Now } from '../platform/clock.ts';
import { errorFields } from '../telemetry/error-fields.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { ClientRecords } from './client-records.ts';
import type { SecretListing, SecretListingStore } from './secret-listing.ts';

/** ListSecrets may miss changes of the last five minutes (AWS documentation), so spans overlap by more. */
const OVERLAP_MS = 10 * 60_000;
/** What slipped through all the same is found then. */
const LIST_ALL_EVERY_MS = 3_600_000;
const PARALLEL = 32;

export interface Discovery {
  readonly secrets: Pick<Secrets, 'list'>;
  readonly clientRecords: ClientRecords;
  readonly listing: SecretListingStore;
  readonly telemetry: Telemetry;
  readonly now: Now;
  /** No page is read after this moment. */
  readonly untilMs: number;
}

/**
 * Finds new and changed secrets and makes their clients due. Requests grow with what changed in the last minutes. Once
 * an hour all secrets are listed, over several ticks if need be, and those that no due date is known of are looked at.
 *
 * @returns the clients that are due now because of this
 * @throws {PlumeError} `secret_unavailable`, `token_store_unavailable`; what was not found is found the next time
 */
export async function discoverClients(discovery: Discovery): Promise<readonly string[]> {
  const { clientRecords, listing, now, untilMs } = discovery;
  const startedMs = now();
  const last = await listing.read();
  const changed =
    last === undefined
      ? NOTHING
      : await takeUp(discovery, { changedSinceMs: last.listedAtMs - OVERLAP_MS }, (startedMs + untilMs) / 2);
  const isUnderWay = last?.cursor !== undefined;
  const isFresh = last !== undefined && startedMs - last.allBegunAtMs < LIST_ALL_EVERY_MS;
  // Changes that are too many for one tick are found among all secrets.
  if (changed.isComplete && isFresh && !isUnderWay) {
    await listing.save({ ...last, listedAtMs: startedMs });
    return changed.adopted;
  }

  const all: SecretListing = {
    listedAtMs: startedMs,
    allBegunAtMs: isUnderWay ? last.allBegunAtMs : startedMs,
    cursor: last?.cursor,
  };
  const dueAtMs = new Map((await clientRecords.due()).map((due) => [due.client, due.dueAtMs]));
  // A client that will be due reads its secret anyway then; one that is overdue may wait for just this change.
  const isOpen = ({ client }: SecretEntry): boolean => (dueAtMs.get(client) ?? 0) <= startedMs;
  try {
    const { adopted, cursor } = await takeUp(discovery, { from: all.cursor }, untilMs, isOpen);
    await listing.save({ ...all, cursor });
    return [...changed.adopted, ...adopted];
  } catch (error) {
    // Begun anew at the next tick: its place may not be known any more.
    await listing.save({ ...all, allBegunAtMs: 0, cursor: undefined });
    throw error;
  }
}

interface TakenUp {
  readonly adopted: readonly string[];
  /** Where the list goes on, if it was not read to its end. */
  readonly cursor?: string | undefined;
  /** The list was read to its end, and each of its clients could be taken up. */
  readonly isComplete: boolean;
}

const NOTHING: TakenUp = { adopted: [], isComplete: true };

async function takeUp(
  discovery: Discovery,
  options: ListOptions,
  untilMs: number,
  isCandidate: (entry: SecretEntry) => boolean = () => true,
): Promise<TakenUp> {
  const { secrets, now } = discovery;
  const adopted: string[] = [];
  let isComplete = true;
  for await (const { entries, cursor } of secrets.list(options)) {
    const ends = await pMap(entries.filter(isCandidate), (entry) => adopt(entry, discovery), {
      concurrency: PARALLEL,
    });
    for (const { client, end } of ends) {
      if (end === 'adopted') adopted.push(client);
      isComplete &&= end !== 'failed';
    }
    if (cursor !== undefined && now() > untilMs) return { adopted, cursor, isComplete: false };
  }
  return { adopted, isComplete };
}

/** One client that cannot be adopted keeps nobody else from it. */
async function adopt(
  { client, versionId, changedAtMs }: SecretEntry,
  { clientRecords, telemetry, now }: Discovery,
): Promise<{ readonly client: string; readonly end: 'adopted' | 'known' | 'failed' }> {
  try {
    const isNew = await clientRecords.adopt(client, { versionId, changedAtMs }, now());
    return { client, end: isNew ? 'adopted' : 'known' };
  } catch (error) {
    telemetry.log('error', 'a new secret could not be taken up', { client, error: errorFields(error) });
    return { client, end: 'failed' };
  }
}
