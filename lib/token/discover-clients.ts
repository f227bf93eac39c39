import pMap from 'p-map';

import type { Now } from '../clock.ts';
import type { Secrets } from '../credentials/secrets.ts';
import type { MintLedger } from './mint-ledger.ts';
import type { SecretListingStore } from './secret-listing.ts';

/** ListSecrets may miss changes of the last five minutes (AWS documentation), so spans overlap by more. */
const OVERLAP_MS = 10 * 60_000;
/** What slipped through all the same is found then. */
const LIST_ALL_EVERY_MS = 3_600_000;
const PARALLEL = 32;

/**
 * Finds new and changed secrets and makes their clients due. Requests grow with what changed in the last minutes; once
 * an hour all secrets are listed, and those that no due date is known of are looked at.
 *
 * @returns the clients that are due now because of this
 * @throws {PlumeError} `secret_unavailable`, `token_store_unavailable`; what was not found is found the next time
 */
export async function discoverClients({
  secrets,
  ledger,
  listing,
  now,
}: {
  readonly secrets: Pick<Secrets, 'list'>;
  readonly ledger: MintLedger;
  readonly listing: SecretListingStore;
  readonly now: Now;
}): Promise<readonly string[]> {
  const startedMs = now();
  const last = await listing.read();
  const isAll = last === undefined || startedMs - last.listedAllAtMs >= LIST_ALL_EVERY_MS;
  const sinceMs = last === undefined ? Number.NEGATIVE_INFINITY : last.listedAtMs - OVERLAP_MS;
  const listed = await secrets.list(isAll ? undefined : sinceMs);

  const dueAtMs = new Map<string, number>();
  if (isAll) for (const due of await ledger.due()) dueAtMs.set(due.client, due.dueAtMs);
  // A client that will be due reads its secret anyway then; one that is overdue may wait for just this change.
  const isOpen = (client: string): boolean => (dueAtMs.get(client) ?? 0) <= startedMs;
  const candidates = listed.filter(
    ({ client, changedAtMs }) => changedAtMs >= sinceMs || (isAll && isOpen(client)),
  );
  const adopted = await pMap(
    candidates,
    async ({ client, versionId }) => ((await ledger.adopt(client, versionId, now())) ? [client] : []),
    { concurrency: PARALLEL },
  );
  await listing.save({ listedAtMs: startedMs, listedAllAtMs: isAll ? startedMs : last.listedAllAtMs });
  return adopted.flat();
}
