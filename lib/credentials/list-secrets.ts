import {
  ListSecretsCommand,
  type SecretListEntry,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';

/** The most that one ListSecrets request returns (AWS limit). */
const PAGE_SIZE = 100;

export interface ListedSecret {
  readonly entry: SecretListEntry;
  readonly changedAtMs: number;
}

export interface ListedPage {
  readonly listed: readonly ListedSecret[];
  /** Where the next page begins; absent after the last. */
  readonly cursor?: string | undefined;
}

/**
 * The secrets whose name starts with `namePrefix`, those changed since a moment if one is given. Page by page, last
 * changed first, and no further than the first page that reaches further back: the cost grows with what changed. Some
 * engines ignore the order asked for; once a page shows that, all pages are read.
 *
 * @param from the cursor of a page that was read before, to go on after it
 */
export async function* listSecretPages(
  client: SecretsManagerClient,
  namePrefix: string,
  { changedSinceMs, from }: { changedSinceMs?: number | undefined; from?: string | undefined },
): AsyncGenerator<ListedPage> {
  let cursor = from;
  let inOrder = true;
  let oldestMs = Number.POSITIVE_INFINITY;
  do {
    const page = await client.send(
      new ListSecretsCommand({
        Filters: [{ Key: 'name', Values: [namePrefix] }],
        SortBy: 'last-changed-date',
        SortOrder: 'desc',
        MaxResults: PAGE_SIZE,
        NextToken: cursor,
      }),
    );
    const listed = (page.SecretList ?? []).map((entry) => ({
      entry,
      changedAtMs: (entry.LastChangedDate ?? entry.CreatedDate)?.getTime() ?? 0,
    }));
    for (const { changedAtMs } of listed) {
      inOrder &&= changedAtMs <= oldestMs;
      oldestMs = Math.min(oldestMs, changedAtMs);
    }
    cursor = page.NextToken;
    const isChanged = ({ changedAtMs }: ListedSecret): boolean =>
      changedSinceMs === undefined || changedAtMs >= changedSinceMs;
    yield { listed: listed.filter(isChanged), cursor };
  } while (cursor !== undefined && !(inOrder && changedSinceMs !== undefined && oldestMs < changedSinceMs));
}
