import { AsyncLocalStorage } from 'node:async_hooks';

type Fields = Readonly<Record<string, unknown>>;

const fields = new AsyncLocalStorage<Fields>();

/** Runs `work`, and adds `added` to every line that is logged in it, by whatever code: which job a line is of, for one. */
export function withLogFields<Result>(added: Fields, work: () => Result): Result {
  return fields.run({ ...fields.getStore(), ...added }, work);
}

export function currentLogFields(): Fields | undefined {
  return fields.getStore();
}
