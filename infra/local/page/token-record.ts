import type { Fact } from '../run/facts.ts';
import type { TokenLife } from './view.ts';

const MAX_TOKENS = 200;

/** The lives of the latest tokens. */
export function createTokenRecord(
  graceMs: number,
  startedAtMs: number,
): { add(fact: Fact): void; view(): readonly TokenLife[] } {
  const lives = new Map<string, TokenLife>();

  function change(fingerprint: string | undefined, member: Partial<TokenLife>): void {
    const life = lives.get(fingerprint ?? '');
    if (life !== undefined) lives.set(life.fingerprint, { ...life, ...member });
  }

  return {
    add(fact) {
      const atMs = Math.round(fact.atMs - startedAtMs);
      if (fact.kind === 'token-issued') {
        const { client, fingerprint, expiresAtMs } = fact;
        const expiresMs = Math.round(expiresAtMs - startedAtMs);
        const servableUntilMs = expiresMs - graceMs;
        lives.set(fingerprint, { client, fingerprint, mintedMs: atMs, servableUntilMs, expiresMs });
        if (lives.size > MAX_TOKENS) lives.delete(lives.keys().next().value as string);
      } else if (fact.kind === 'token-revoked') {
        change(fact.fingerprint, { revokedMs: atMs });
      } else if (fact.kind === 'answer' && fact.endpoint === 'api') {
        if (fact.refusal === undefined) change(fact.fingerprint, { usedUntilMs: atMs });
        else if (lives.get(fact.fingerprint ?? '')?.rejectedMs === undefined)
          change(fact.fingerprint, { rejectedMs: atMs });
      }
    },
    view: () => [...lives.values()],
  };
}
