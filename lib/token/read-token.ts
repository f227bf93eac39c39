import type { ErrorCode } from '../errors.ts';
import type { Clock, Now } from '../platform/clock.ts';
import { RecentMap } from '../platform/recent-map.ts';
import { unlessAborted } from '../platform/unless-aborted.ts';
import { errorFields } from '../telemetry/error-fields.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { type AccessToken, serveUntilMs } from './access-token.ts';
import type { AskMinter } from './ask-minter.ts';
import { TokenUnavailableError } from './errors.ts';
import type { MintRequests } from './mint-requests.ts';
import type { TokenSettings } from './settings.ts';
import { isWaiting, type NotedFailure, type TokenRecord, type TokenStore } from './token-store.ts';

/** Gives workers a token: from memory, from the table, or by asking the minter for one. */
export interface TokenReader {
  /**
   * A token that may be sent now.
   *
   * @throws {TokenUnavailableError} the minter failed, or stored none by `waitUntilMs`
   * @throws {TokenStoreUnavailableError} the table cannot be reached and memory holds no valid token
   */
  get(client: string, wanted: WantedToken): Promise<ServedToken>;
  /** False once the token is too old, or was replaced while its holder waited. */
  isSendable(client: string, served: ServedToken): boolean;
}

/** A token and until when it may be sent: to the start of the grace period, or to its true end while the table cannot be reached. */
export interface ServedToken {
  readonly token: AccessToken;
  readonly sendUntilMs: number;
}

export interface WantedToken {
  /** Unix ms by the local clock. */
  readonly waitUntilMs: number;
  /**
   * Fingerprint of a token that the API refused. Another one is given, unless the refused one is so young that
   * the API may not know it yet: then it is returned again once it is no longer that young.
   */
  readonly rejected?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface TokenReaderDependencies {
  readonly store: TokenStore;
  readonly requests: Pick<MintRequests, 'claim'>;
  readonly askMinter: AskMinter;
  readonly settings: TokenSettings;
  /** Corrected. Callers wait and retry by the local clock, if it has one. */
  readonly clock: Clock & { readonly localNow?: Now };
  readonly telemetry: Telemetry;
  /** In [0, 1). */
  readonly random: () => number;
}

export function createTokenReader(dependencies: TokenReaderDependencies): TokenReader {
  return new SharedTokenReader(dependencies);
}

/** The result of one look: a token and the moment from which it may be sent, or why there is none. */
type Look =
  | (ServedToken & { readonly source: TokenSource; readonly notBeforeMs: number })
  | { readonly failure?: NotedFailure; readonly retryAtMs?: number };

type TokenSource = 'memory' | 'table' | 'minter';

/** Tokens of more clients than this are not kept in memory. */
const MEMORY_CLIENTS = 100;
/** How soon a caller that was refused tries again: its holder may be dead. Refused writes are billed, reads cost less. */
const CLAIM_AGAIN_MS = 1_000;
const POLL_MS = 100;
const POLL_GROWTH = 1.5;
const POLL_MAX_MS = 2_000;
/** Even a caller that has no time to wait looks once, for this long. */
const MIN_LOOK_MS = 1_000;

class SharedTokenReader implements TokenReader {
  readonly #dependencies: TokenReaderDependencies;
  /** DynamoDB's clock as far as it is known: of tokens, claims and failures. */
  readonly #now: Now;
  /** The caller's clock. */
  readonly #localNow: Now;
  readonly #memory = new RecentMap<string, AccessToken>(MEMORY_CLIENTS);
  /** Looks under way. Callers that want the same share one; it is forgotten when it ends, however it ends. */
  readonly #looks = new Map<string, Promise<Look>>();
  /** Until when it is left to another worker to ask the minter. */
  readonly #claimed = new RecentMap<string, number>(MEMORY_CLIENTS);

  constructor(dependencies: TokenReaderDependencies) {
    const { clock } = dependencies;
    this.#dependencies = dependencies;
    this.#now = clock.now;
    this.#localNow = clock.localNow ?? clock.now;
  }

  isSendable(client: string, { token, sendUntilMs }: ServedToken): boolean {
    const known = this.#memory.get(client) ?? token;
    return known.fingerprint === token.fingerprint && this.#now() < sendUntilMs;
  }

  async get(client: string, wanted: WantedToken): Promise<ServedToken> {
    const { rejected } = wanted;
    const held = this.#memory.get(client);
    if (held !== undefined && held.fingerprint === rejected) this.#memory.delete(client);
    else if (held !== undefined && this.#now() < this.#servedUntil(held)) {
      return this.#served(client, { token: held, source: 'memory', sendUntilMs: this.#servedUntil(held) });
    }
    for (let attempt = 0; ; attempt += 1) {
      const seen = await this.#lookWithin(client, wanted);
      if ('token' in seen) {
        await this.#waitUntil(seen.notBeforeMs, client, wanted);
        return this.#served(client, seen);
      }
      const { failure, retryAtMs = 0 } = seen;
      const againAtMs = failure?.retryAtMs ?? this.#now() + this.#pollDelayMs(attempt);
      // Before `retryAtMs` there will be no token: one that has no time for that need not look again.
      const atMs = this.#localNow() + retryAtMs - this.#now() > wanted.waitUntilMs ? retryAtMs : againAtMs;
      await this.#waitUntil(atMs, client, wanted, failure?.code);
    }
  }

  #served(
    client: string,
    { token, source, sendUntilMs }: ServedToken & { source: TokenSource },
  ): ServedToken {
    this.#dependencies.telemetry.metric('TokenServed', 1, { client, source });
    return { token, sendUntilMs };
  }

  /** The look goes on when this caller gives up. */
  async #lookWithin(client: string, { rejected, waitUntilMs, signal }: WantedToken): Promise<Look> {
    const timeout = AbortSignal.timeout(Math.ceil(Math.max(waitUntilMs - this.#localNow(), MIN_LOOK_MS)));
    try {
      return await unlessAborted(
        this.#sharedLook(client, rejected),
        signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      );
    } catch (error) {
      if (error !== timeout.reason) throw error;
      // What hangs must not hold up the next invocation as well.
      this.#looks.delete(lookKey(client, rejected));
      throw new TokenUnavailableError(client, { retryAtMs: this.#localNow() });
    }
  }

  /** @param momentMs of the corrected clock */
  async #waitUntil(
    momentMs: number,
    client: string,
    { waitUntilMs, signal }: WantedToken,
    mintCode?: ErrorCode,
  ): Promise<void> {
    const ms = momentMs - this.#now();
    if (this.#localNow() + ms > waitUntilMs) {
      throw new TokenUnavailableError(client, { mintCode, retryAtMs: Math.ceil(this.#localNow() + ms) });
    }
    if (ms > 0) await this.#dependencies.clock.sleep(ms, signal);
  }

  #sharedLook(client: string, rejected: string | undefined): Promise<Look> {
    const key = lookKey(client, rejected);
    const underWay = this.#looks.get(key);
    if (underWay !== undefined) return underWay;
    const flight = this.#look(client, rejected).finally(() => {
      if (this.#looks.get(key) === flight) this.#looks.delete(key);
    });
    this.#looks.set(key, flight);
    return flight;
  }

  /** Table first; then, for one caller in all instances, the minter. */
  async #look(client: string, rejected: string | undefined): Promise<Look> {
    const { requests, askMinter, telemetry } = this.#dependencies;
    const seen = await this.#lookAtTable(client, rejected, 'table');
    if ('token' in seen || seen.failure !== undefined) return seen;

    const key = lookKey(client, rejected);
    const nowMs = this.#now();
    if (nowMs < (this.#claimed.get(key) ?? 0)) return {};
    if (!(await requests.claim(client, rejected, nowMs))) {
      this.#claimed.set(key, nowMs + CLAIM_AGAIN_MS);
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
    return this.#lookAtTable(client, rejected, 'minter');
  }

  async #lookAtTable(client: string, rejected: string | undefined, source: TokenSource): Promise<Look> {
    const { store, settings } = this.#dependencies;
    let record: TokenRecord | undefined;
    try {
      record = await store.read(client);
    } catch (error) {
      // While the table cannot be reached, a token in memory is served to its true end: no grace period is better than no token.
      const held = this.#memory.get(client);
      const nowMs = this.#now();
      if (held === undefined || nowMs >= held.expiresAtMs) throw error;
      return { token: held, source: 'memory', notBeforeMs: nowMs, sendUntilMs: held.expiresAtMs };
    }
    // The first response of all may have corrected the clock.
    const nowMs = this.#now();
    const { token, failure } = record ?? {};
    if (token !== undefined && nowMs < this.#servedUntil(token)) {
      const sendUntilMs = this.#servedUntil(token);
      const oldEnoughAtMs = token.issuedAtMs + settings.youngTokenMs;
      if (token.fingerprint !== rejected) {
        this.#memory.set(client, token);
        return { token, source, notBeforeMs: nowMs, sendUntilMs };
      }
      if (nowMs < oldEnoughAtMs) return { token, source, notBeforeMs: oldEnoughAtMs, sendUntilMs };
    }
    return failure !== undefined && isWaiting(failure, nowMs) ? { failure } : {};
  }

  #servedUntil(token: AccessToken): number {
    return serveUntilMs(token, this.#dependencies.settings);
  }

  /**
   * Grows up to a ceiling, so that no caller waits much longer than the mint takes; with jitter, so that many waiting
   * instances do not read in step.
   */
  #pollDelayMs(attempt: number): number {
    const { random } = this.#dependencies;
    return Math.min(POLL_MAX_MS, POLL_MS * POLL_GROWTH ** attempt) * (0.5 + random() / 2);
  }
}

function lookKey(client: string, rejected: string | undefined): string {
  return `${client}#${rejected ?? ''}`;
}
