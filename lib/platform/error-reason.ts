/** What AWS and the system call their errors: `AccessDeniedException`, `ECONNREFUSED`. */
const WORD = /^\w{1,64}$/;

/** The name of a foreign error, if it is a plain word. Nothing else of it is repeated: it can hold requests and headers. */
export function errorReason(error: unknown): string {
  const { code, name } = (typeof error === 'object' && error !== null ? error : {}) as Record<
    string,
    unknown
  >;
  // Before AWS's own name, which is `Error` for what the system reports.
  const word = [code, name].find((candidate) => typeof candidate === 'string' && WORD.test(candidate));
  return typeof word === 'string' ? word : 'unknown error';
}
