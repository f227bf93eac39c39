import { SecretsManagerError, type StoredSecret } from './secret-store.ts';

export interface ListSecretsInput {
  readonly Filters?: readonly { readonly Key: string; readonly Values: readonly string[] }[];
  readonly IncludePlannedDeletion?: boolean;
  readonly MaxResults?: number;
  readonly NextToken?: string;
  readonly SortBy?: 'created-date' | 'last-accessed-date' | 'last-changed-date' | 'name';
  readonly SortOrder?: 'asc' | 'desc';
}

/** One page of the secrets. The filter `name` means a beginning; several values mean any of them, `!` before a value none. */
export function listSecrets(
  secrets: readonly StoredSecret[],
  input: ListSecretsInput,
): { page: readonly StoredSecret[]; nextToken: string | undefined } {
  const start = input.NextToken === undefined ? 0 : Number(input.NextToken);
  if (!Number.isInteger(start)) {
    throw new SecretsManagerError('InvalidNextTokenException', 'The NextToken value is invalid.');
  }
  const found = secrets
    .filter(({ deletedAtMs }) => input.IncludePlannedDeletion === true || deletedAtMs === undefined)
    .filter((secret) => (input.Filters ?? []).every((filter) => matches(secret, filter)))
    .sort(orderOf(input));
  const end = start + (input.MaxResults ?? 100);
  return { page: found.slice(start, end), nextToken: end < found.length ? String(end) : undefined };
}

function matches(
  secret: StoredSecret,
  { Key, Values }: { readonly Key: string; readonly Values: readonly string[] },
): boolean {
  if (Key !== 'name' && Key !== 'description') {
    throw new SecretsManagerError('InvalidParameterException', `The filter key ${Key} is not known here.`);
  }
  const text = Key === 'name' ? secret.name : (secret.description ?? '');
  return Values.some((value) =>
    value.startsWith('!') ? !text.startsWith(value.slice(1)) : text.startsWith(value),
  );
}

/** AWS lists by creation, newest first, by default. */
function orderOf({ SortBy = 'created-date', SortOrder = 'desc' }: ListSecretsInput) {
  const sign = SortOrder === 'asc' ? 1 : -1;
  return (a: StoredSecret, b: StoredSecret): number => {
    if (SortBy === 'name') return sign * (a.name < b.name ? -1 : 1);
    if (SortBy === 'last-changed-date') return sign * (a.changedAtMs - b.changedAtMs);
    return sign * (a.createdAtMs - b.createdAtMs);
  };
}
