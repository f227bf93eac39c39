/**
 * Aborts when the program is to end: by a signal, or because its output is no longer read. What it has
 * started is stopped and removed then; only a second Ctrl-C ends it at once.
 */
export function interrupted(): { readonly signal: AbortSignal; readonly isOutputClosed: () => boolean } {
  const interrupt = new AbortController();
  let interruptedAtMs: number | undefined;
  let isClosed = false;

  process.on('SIGINT', () => {
    // npm passes on the signal that the terminal has sent to this process already: only a later one is impatience.
    if (interruptedAtMs !== undefined && performance.now() - interruptedAtMs > 1_000) process.exit(130);
    interruptedAtMs ??= performance.now();
    interrupt.abort();
  });
  for (const name of ['SIGTERM', 'SIGHUP'] as const) process.on(name, () => interrupt.abort());
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', () => {
      isClosed = true;
      interrupt.abort();
    });
  }
  return { signal: interrupt.signal, isOutputClosed: () => isClosed };
}
