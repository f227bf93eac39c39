import type { RunEvent } from '../run/events.ts';
import type { TokenLife } from './view.ts';

const MAX_TOKENS = 200;

/** The lives of the latest tokens. */
export function createTokenRecord(
  graceMs: number,
  startedAtMs: number,
): { add(event: RunEvent): void; view(): readonly TokenLife[] } {
  const lives = new Map<string, TokenLife>();

  function change(fingerprint: string | undefined, member: Partial<TokenLife>): void {
    const life = lives.get(fingerprint ?? '');
    if (life !== undefined) lives.set(life.fingerprint, { ...life, ...member });
  }

  return {
    add(event) {
      const atMs = Math.round(event.atMs - startedAtMs);
      if (event.kind === 'token-issued') {
        const { client, fingerprint, expiresAtMs } = event;
        const expiresMs = Math.round(expiresAtMs - startedAtMs);
        const servableUntilMs = expiresMs - graceMs;
        lives.set(fingerprint, { client, fingerprint, mintedMs: atMs, servableUntilMs, expiresMs });
        if (lives.size > MAX_TOKENS) lives.delete(lives.keys().next().value as string);
      } else if (event.kind === 'token-revoked') {
        change(event.fingerprint, { revokedMs: atMs });
      } else if (event.kind === 'answer' && event.endpoint === 'api') {
        if (event.refusal === undefined) change(event.fingerprint, { usedUntilMs: atMs });
        else if (lives.get(event.fingerprint ?? '')?.rejectedMs === undefined)
          change(event.fingerprint, { rejectedMs: atMs });
      }
    },
    view: () => [...lives.values()],
  };
}
