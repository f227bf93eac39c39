/**
 * A response's body as text; undefined if it is longer than `maxBytes`, of which no more is read then.
 *
 * @throws whatever the connection throws when it breaks or its signal aborts
 */
export async function readText({ body }: Response, maxBytes: number): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop cancels the stream, and the connection with it.
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
