import { createHash, randomBytes } from 'node:crypto';

import { decodeJwt, errors, generateKeyPair, jwtVerify, SignJWT } from 'jose';

import type { TokenRefusal } from '../run/events.ts';
import { type CloudClient, scopeOf } from './clients.ts';

export interface IssuedToken {
  readonly value: string;
  readonly client: string;
  readonly jti: string;
  /** First 16 hex digits of the token's SHA-256: the name by which logs know it. */
  readonly fingerprint: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

export type Verdict =
  | { readonly ok: true; readonly claims: Readonly<Record<string, unknown>>; readonly client: string }
  | { readonly ok: false; readonly refusal: TokenRefusal; readonly client?: string | undefined };

export interface TokenIssuer {
  issue(client: CloudClient): Promise<IssuedToken>;
  verify(value: string): Promise<Verdict>;
  /** The client's tokens that are neither expired nor revoked, oldest first. */
  live(client: string): readonly IssuedToken[];
  revoke(token: IssuedToken): void;
}

/** Issues and checks RS256 JWTs with the claims of the vendor's example. */
export async function createTokenIssuer(issuer: string, now: () => number): Promise<TokenIssuer> {
  const { privateKey, publicKey } = await generateKeyPair('RS256');
  const kid = randomBytes(32).toString('base64url');
  const issued = new Map<string, IssuedToken>();
  const revoked = new Set<string>();

  return {
    async issue(client) {
      const issuedAtMs = now();
      const iat = Math.floor(issuedAtMs / 1000);
      const exp = iat + client.lifetimeSeconds;
      const jti = `AT.${randomBytes(32).toString('base64url')}`;
      const value = await new SignJWT({
        ver: 1,
        jti,
        iss: issuer,
        aud: 'api://m2m_local',
        iat,
        exp,
        cid: client.clientId,
        scp: scopeOf(client).split(' '),
        sub: client.clientId,
      })
        .setProtectedHeader({ alg: 'RS256', kid })
        .sign(privateKey);
      const fingerprint = fingerprintOf(value);
      const token = { value, client: client.name, jti, fingerprint, issuedAtMs, expiresAtMs: exp * 1000 };
      issued.set(jti, token);
      return token;
    },
    async verify(value) {
      const client = clientOf(value);
      try {
        const { payload } = await jwtVerify(value, publicKey, {
          issuer,
          algorithms: ['RS256'],
          currentDate: new Date(now()),
        });
        const token = issued.get(payload.jti as string);
        if (token === undefined) return { ok: false, refusal: 'malformed' };
        if (revoked.has(token.jti)) return { ok: false, refusal: 'revoked', client };
        return { ok: true, claims: payload, client: token.client };
      } catch (error) {
        const refusal = error instanceof errors.JWTExpired ? 'expired' : 'malformed';
        return { ok: false, refusal, client };
      }
    },
    live(client) {
      return [...issued.values()].filter(
        (token) => token.client === client && now() < token.expiresAtMs && !revoked.has(token.jti),
      );
    },
    revoke(token) {
      revoked.add(token.jti);
    },
  };

  function clientOf(value: string): string | undefined {
    try {
      return issued.get(decodeJwt(value).jti as string)?.client;
    } catch {
      return undefined;
    }
  }
}

export function fingerprintOf(value: string): string {
  return createHash('sha256').update(value).digest('hex').slice(0, 16);
}
