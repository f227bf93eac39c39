import { CLAIM_MS, type MintClaim, type MintRequests } from '../../lib/token/mint-requests.ts';
import type { TokenRecord, TokenStore } from '../../lib/token/token-store.ts';

/** The table's tokens, in memory, with its conditions. */
export function createMemoryTokenStore(): TokenStore {
  const records = new Map<string, TokenRecord>();
  return {
    read: async (client) => records.get(client),
    async replace(client, token, replaces) {
      if (records.get(client)?.token?.fingerprint !== replaces) return false;
      records.set(client, { token });
      return true;
    },
    async noteFailure(client, failure) {
      records.set(client, { ...records.get(client), failure });
    },
  };
}

/** Lets one caller ask for a token, as the table does. */
export function createMemoryMintRequests(): Pick<MintRequests, 'claim'> {
  const claims = new Map<string, MintClaim>();
  return {
    async claim(client, rejected, nowMs) {
      const claim = claims.get(client);
      if (claim !== undefined && claim.atMs + CLAIM_MS > nowMs && claim.rejected === rejected) return false;
      claims.set(client, { ...(rejected !== undefined && { rejected }), atMs: nowMs });
      return true;
    },
  };
}
