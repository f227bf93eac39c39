import { LRUCache } from 'lru-cache';
import type { ErrorCode } from '../errors.ts';
import type { Clock } from '../platform/clock.ts';
import { unlessAborted } from '../platform/unless-aborted.ts';
import { errorFields } from '../telemetry/error-fields.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { type AccessToken, serveUntilMs } from './access-token.ts';
import type { AskMinter } from './ask-minter.ts';
import { TokenUnavailableError } from './errors.ts';
import type { MintRequests } from './mint-requests.ts';
import type { TokenSettings } from './settings.ts';
import type { TokenStore } from './token-store.ts';

/** Gives workers a token: from memory, from the table, or by asking the minter for one. */
export interface TokenReader {
  /**
   * A token that may be sent now.
   *
   * @throws {TokenUnavailableError} the minter failed, or stored none by `waitUntilMs`
   * @throws {TokenStoreUnavailableError} the table is away and memory holds no living token
   */
  get(client: string, wanted: WantedToken): Promise<ServedToken>;
  /** False once the token is too old, or another one has come while its holder waited for something else. */
  isSendable(client: string, served: ServedToken): boolean;
}

/** A token and until when it may be sent: to the start of the grace, or to its end while the table is away. */
export interface ServedToken {
  readonly token: AccessToken;
  readonly sendUntilMs: number;
}

export interface WantedToken {
  readonly waitUntilMs: number;
  /**
   * Fingerprint of a token that the API refused. Another one is given, unless the refused one is so young that
   * the API may not know it yet: then it is given again once it is no longer that young.
   */
  readonly rejected?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface TokenReaderDependencies {
  readonly store: TokenStore;
  readonly requests: MintRequests;
  readonly askMinter: AskMinter;
  readonly settings: TokenSettings;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** In [0, 1). */
  readonly random: () => number;
}

/** What one look brings: a token and the moment from which it may be sent, or what is known of its absence. */
type Look =
  | (ServedToken & { readonly source: TokenSource; readonly notBeforeMs: number })
  | {
      readonly failure?: { readonly code: ErrorCode; readonly retryAtMs?: number };
      readonly retryAtMs?: number;
    };

type TokenSource = 'memory' | 'table' | 'minter';

/** Tokens of more clients than this are not kept in memory. */
const MEMORY_CLIENTS = 100;
/** How long the others leave asking the minter to the one who does. */
export const CLAIM_MS = 5_000;
/** How soon a caller that was refused tries again: its holder may be dead. Refused writes are billed, reads cost less. */
const CLAIM_AGAIN_MS = 1_000;
const POLL_MS = 100;
const POLL_GROWTH = 1.5;
const POLL_MAX_MS = 2_000;
/** One look is worth this long, even to a caller who has no time to wait. */
const MIN_LOOK_MS = 1_000;

export function createTokenReader(dependencies: TokenReaderDependencies): TokenReader {
  const { store, requests, askMinter, settings, clock, telemetry, random } = dependencies;
  const memory = new LRUCache<string, AccessToken>({ max: MEMORY_CLIENTS });
  /** Looks under way. Callers that want the same share one; it is forgotten when it ends, however it ends. */
  const looks = new Map<string, Promise<Look>>();
  /** Until when it is left to somebody else to ask the minter. */
  const claimed = new LRUCache<string, number>({ max: MEMORY_CLIENTS });

  return {
    isSendable,
    async get(client, { waitUntilMs, rejected, signal }) {
      const held = memory.get(client);
      if (held !== undefined && held.fingerprint === rejected) memory.delete(client);
      else if (held !== undefined && clock.now() < servedUntil(held)) return served(held, 'memory');

      for (let attempt = 0; ; attempt += 1) {
        const seen = await lookWithin();
        if ('token' in seen) {
          await waitUntil(seen.notBeforeMs);
          return served(seen.token, seen.source, seen.sendUntilMs);
        }
        const { failure } = seen;
        if (failure !== undefined && failure.retryAtMs === undefined) {
          throw new TokenUnavailableError(client, { mintCode: failure.code });
        }
        await waitUntil(
          failure?.retryAtMs ?? clock.now() + pollDelayMs(attempt),
          failure?.code,
          seen.retryAtMs,
        );
      }

      /** The look goes on when this caller gives up. */
      async function lookWithin(): Promise<Look> {
        const timeout = AbortSignal.timeout(Math.ceil(Math.max(waitUntilMs - clock.now(), MIN_LOOK_MS)));
        try {
          return await unlessAborted(
            sharedLook(client, rejected),
            signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
          );
        } catch (error) {
          if (error !== timeout.reason) throw error;
          // What hangs must not hold up the next invocation as well.
          looks.delete(lookKey(client, rejected));
          throw new TokenUnavailableError(client, { retryAtMs: clock.now() });
        }
      }

      async function waitUntil(momentMs: number, mintCode?: ErrorCode, retryAtMs = momentMs): Promise<void> {
        if (momentMs > waitUntilMs) throw new TokenUnavailableError(client, { mintCode, retryAtMs });
        const ms = momentMs - clock.now();
        if (ms > 0) await clock.sleep(ms, signal);
      }

      function served(
        token: AccessToken,
        source: TokenSource,
        sendUntilMs = servedUntil(token),
      ): ServedToken {
        telemetry.metric('TokenServed', 1, { client, source });
        return { token, sendUntilMs };
      }
    },
  };

  function isSendable(client: string, { token, sendUntilMs }: ServedToken): boolean {
    const known = memory.get(client) ?? token;
    return known.fingerprint === token.fingerprint && clock.now() < sendUntilMs;
  }

  function sharedLook(client: string, rejected: string | undefined): Promise<Look> {
    const key = lookKey(client, rejected);
    const underWay = looks.get(key);
    if (underWay !== undefined) return underWay;
    const flight = look(client, rejected).finally(() => {
      if (looks.get(key) === flight) looks.delete(key);
    });
    looks.set(key, flight);
    return flight;
  }

  /** Table first; then, for one caller in all instances, the minter. */
  async function look(client: string, rejected: string | undefined): Promise<Look> {
    const seen = await lookAtTable(client, rejected, 'table');
    if ('token' in seen || seen.failure !== undefined) return seen;

    const key = lookKey(client, rejected);
    const nowMs = clock.now();
    if (nowMs < (claimed.get(key) ?? 0)) return {};
    if (!(await requests.claim(client, rejected, nowMs, nowMs + CLAIM_MS))) {
      claimed.set(key, nowMs + CLAIM_AGAIN_MS);
      return {};
    }
    try {
      const outcome = await askMinter(client, rejected);
      if (outcome.status === 'failed') return { failure: outcome };
      if (outcome.status === 'pending') return { retryAtMs: outcome.retryAtMs };
    } catch (error) {
      telemetry.log('warn', 'the minter could not be asked', { client, error: errorFields(error) });
      return {};
    }
    return lookAtTable(client, rejected, 'minter');
  }

  async function lookAtTable(
    client: string,
    rejected: string | undefined,
    source: TokenSource,
  ): Promise<Look> {
    const nowMs = clock.now();
    let record: Awaited<ReturnType<TokenStore['read']>>;
    try {
      record = await store.read(client);
    } catch (error) {
      // While the table is away, a token in memory is served to its true end: better without grace than without token.
      const held = memory.get(client);
      if (held === undefined || nowMs >= held.expiresAtMs) throw error;
      return { token: held, source: 'memory', notBeforeMs: nowMs, sendUntilMs: held.expiresAtMs };
    }
    const { token, failure } = record ?? {};
    if (token !== undefined && nowMs < servedUntil(token)) {
      const sendUntilMs = servedUntil(token);
      const oldEnoughAtMs = token.issuedAtMs + settings.youngTokenMs;
      if (token.fingerprint !== rejected) {
        memory.set(client, token);
        return { token, source, notBeforeMs: nowMs, sendUntilMs };
      }
      if (nowMs < oldEnoughAtMs) return { token, source, notBeforeMs: oldEnoughAtMs, sendUntilMs };
    }
    if (failure !== undefined && (failure.retryAtMs ?? Number.POSITIVE_INFINITY) > nowMs) return { failure };
    return {};
  }

  function servedUntil(token: AccessToken): number {
    return serveUntilMs(token, settings);
  }

  function lookKey(client: string, rejected: string | undefined): string {
    return `${client}#${rejected ?? ''}`;
  }

  /**
   * Grows up to a ceiling, so that nobody waits much longer than the mint takes; with jitter, so that many waiting
   * instances do not read in step.
   */
  function pollDelayMs(attempt: number): number {
    return Math.min(POLL_MAX_MS, POLL_MS * POLL_GROWTH ** attempt) * (0.5 + random() / 2);
  }
}
