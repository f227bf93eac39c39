import {
  ListSecretsCommand,
  type SecretListEntry,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';

/** The most that one ListSecrets request returns (AWS limit). */
const PAGE_SIZE = 100;

/**
 * The secrets whose name starts with `namePrefix`, those changed since a moment if one is given. Reads page
 * by page, last changed first, and stops at the first page that reaches further back: the cost grows with
 * what changed. Some engines ignore the order asked for; once a page shows that, all pages are read.
 */
export async function* listSecretsChanged(
  client: SecretsManagerClient,
  namePrefix: string,
  changedSinceMs: number | undefined,
): AsyncGenerator<{ readonly entry: SecretListEntry; readonly changedAtMs: number }> {
  let nextToken: string | undefined;
  let inOrder = true;
  let oldestMs = Number.POSITIVE_INFINITY;
  do {
    const page = await client.send(
      new ListSecretsCommand({
        Filters: [{ Key: 'name', Values: [namePrefix] }],
        SortBy: 'last-changed-date',
        SortOrder: 'desc',
        MaxResults: PAGE_SIZE,
        NextToken: nextToken,
      }),
    );
    for (const entry of page.SecretList ?? []) {
      const changedAtMs = (entry.LastChangedDate ?? entry.CreatedDate)?.getTime() ?? 0;
      inOrder &&= changedAtMs <= oldestMs;
      oldestMs = Math.min(oldestMs, changedAtMs);
      if (changedSinceMs === undefined || changedAtMs >= changedSinceMs) yield { entry, changedAtMs };
    }
    nextToken = page.NextToken;
  } while (
    nextToken !== undefined &&
    !(inOrder && changedSinceMs !== undefined && oldestMs < changedSinceMs)
  );
}
