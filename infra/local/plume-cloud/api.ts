import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { sendJson } from '../emulators/loopback-server.ts';
import type { CloudEvent } from '../run/events.ts';
import { fingerprintOf, type TokenIssuer, type Verdict } from './token-issuer.ts';

/** Plume's API as far as the broker is concerned: any path and method, a valid bearer token or 401. */
export interface PlumeApi {
  answer(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** Answers 401 to every token. */
  setRejectAll(reject: boolean): void;
}

export function createPlumeApi({
  issuer,
  latencyMs,
  record,
}: {
  issuer: TokenIssuer;
  /** How long an answer takes. */
  latencyMs: number;
  record: (event: CloudEvent) => void;
}): PlumeApi {
  let rejectAll = false;

  async function judge(value: string | undefined): Promise<Verdict> {
    if (value === undefined) return { ok: false, refusal: 'missing' };
    const verdict = await issuer.verify(value);
    return verdict.ok && rejectAll
      ? { ok: false, refusal: 'everything-refused', client: verdict.client }
      : verdict;
  }

  return {
    async answer(request, response) {
      const [, value] = /^bearer (.+)$/i.exec(request.headers.authorization ?? '') ?? [];
      const verdict = await judge(value);
      await sleep(latencyMs);
      const status = verdict.ok ? 200 : 401;
      record({
        kind: 'answer',
        endpoint: 'api',
        status,
        client: verdict.client,
        fingerprint: value === undefined ? undefined : fingerprintOf(value),
        refusal: verdict.ok ? undefined : verdict.refusal,
      });
      if (verdict.ok) {
        sendJson(response, 200, { ok: true, method: request.method, path: request.url });
      } else {
        sendJson(
          response,
          401,
          { error: 'invalid_token', error_description: 'The token is invalid or has expired.' },
          { 'www-authenticate': 'Bearer error="invalid_token"' },
        );
      }
    },
    setRejectAll(reject) {
      rejectAll = reject;
    },
  };
}
