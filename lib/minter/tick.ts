import pMap from 'p-map';
import type { MintRequestKind } from '../budget/mint-budget.ts';
import { SecretUnavailableError } from '../credentials/errors.ts';
import type { Secrets } from '../credentials/secrets.ts';
import type { Clock } from '../platform/clock.ts';
import { errorFields } from '../telemetry/error-fields.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { TokenSettings } from '../token/settings.ts';
import { type ClientRecord, isFailing, isResting } from './client-record.ts';
import type { ClientRecords } from './client-records.ts';
import type { DeleteClient } from './delete-client.ts';
import { type Discovered, discoverClients } from './discover-clients.ts';
import type { MintResult } from './leased-mint.ts';
import { kindOfMint } from './mint-ticket.ts';
import { lastResort, type MintReason, tickHorizonMs } from './mint-times.ts';
import { LAST_REQUEST, type Minter } from './minter.ts';
import type { SecretListing, SecretListingStore } from './secret-listing.ts';

export interface TickDependencies {
  readonly clientRecords: ClientRecords;
  readonly deleteClient: DeleteClient;
  readonly listing: SecretListingStore;
  readonly secrets: Secrets;
  readonly minter: Minter;
  readonly settings: TokenSettings;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Another one at every call. */
  readonly newOwner: () => string;
}

/** How many clients came to which end. */
export interface TickSummary {
  /** Secrets that were new or changed. */
  readonly discovered: number;
  /** Clients whose secret is gone, and that are forgotten. */
  readonly removed: number;
  readonly due: number;
  readonly minted: number;
  /** They had a good token already. */
  readonly current: number;
  readonly failed: number;
  /** They failed before, and the time to try again has not come. */
  readonly resting: number;
  /** Their secret is missing since a few minutes: they are forgotten soon, or fail. */
  readonly missing: number;
  /** Another minter was at work, or the call budget or the time of the invocation was used up: still due. */
  readonly postponed: number;
}

/**
 * One tick of the schedule: looks at all clients that are due. Clients without a failure go first, so that failing
 * ones, however many, take neither time nor tickets from them.
 *
 * @param timeLeftMs what is left of the invocation
 * @throws {PlumeError} `token_store_unavailable`; the next tick does the same work
 */
export function runTick(dependencies: TickDependencies, timeLeftMs: () => number): Promise<TickSummary> {
  return new Tick(dependencies, timeLeftMs).run();
}

/**
 * Clients at a time. One that hangs holds its place for no longer than its requests may take. So many, since beside saturated
 * workers each waits for a ticket: 200 new clients take a minute, where half as many at a time took more than two.
 */
const PARALLEL = 64;
/** A tick waits for tries that are due within this span. */
const SOON_MS = 15_000;

/** For so long a missing secret is one that is being removed, and no failure. */
const MISSING_MS = 15 * 60_000;

type End = Exclude<keyof TickSummary, 'discovered' | 'removed' | 'due'>;

interface DueRecord {
  readonly client: string;
  readonly record: ClientRecord;
  readonly dueAtMs: number;
}

class Tick {
  readonly #dependencies: TickDependencies;
  readonly #timeLeftMs: () => number;
  readonly #ends = new Map<string, End>();
  /** Clients that were not tried again now, and whose last mint failed. */
  readonly #failedBefore = new Set<string>();
  /** Clients that failed and are tried again at a moment of this tick. */
  readonly #soon = new Map<string, number>();
  /** Kinds of requests for which the call budget has no more tickets in the time of this tick. */
  readonly #usedUp = new Set<MintRequestKind>();

  constructor(dependencies: TickDependencies, timeLeftMs: () => number) {
    this.#dependencies = dependencies;
    this.#timeLeftMs = timeLeftMs;
  }

  async run(): Promise<TickSummary> {
    const { clientRecords, listing, settings, clock } = this.#dependencies;
    // The first response of all may correct the clock, by which the due ones are found.
    const listed = listing.read();
    await listed.catch(() => {});
    const indexed = await clientRecords.due(tickHorizonMs(clock.now(), settings));
    const due = await this.#readDue(indexed.map(({ client }) => client));
    const failing = due.filter(({ record }) => isFailing(record));
    const discovering = this.#discover(listed, failing.length > 0);
    await this.#attendAll(due.filter(({ record }) => !isFailing(record)));
    const { discovered, removed } = await discovering;
    // Some may have had their turn before their secret was seen to have changed.
    await this.#attendAll(await this.#readDue([...discovered, ...failing.map(({ client }) => client)]));
    await this.#trySoonAgain();
    for (const client of removed) {
      this.#ends.delete(client);
      this.#failedBefore.delete(client);
    }
    return this.#report(discovered.length, removed.length);
  }

  /** Beside the minting, and for half of its time: however long the list of secrets is, no token waits for it. */
  async #discover(listed: Promise<SecretListing | undefined>, isAnyFailing: boolean): Promise<Discovered> {
    const { telemetry } = this.#dependencies;
    const endLeftMs = (this.#timeLeftMs() + this.#lastStartLeftMs()) / 2;
    const timeLeftMs = (): number => this.#timeLeftMs() - endLeftMs;
    try {
      return await discoverClients({ ...this.#dependencies, listed, isAnyFailing, timeLeftMs });
    } catch (error) {
      if (error instanceof SecretUnavailableError) telemetry.metric('SecretsNotListed', 1, {});
      telemetry.log(
        'error',
        'the secrets could not be listed, so new, changed and removed ones are not seen',
        {
          error: errorFields(error),
        },
      );
      return { discovered: [], removed: [] };
    }
  }

  /** Those that are due by their records: the index lags, and some may have been minted for meanwhile. */
  async #readDue(clients: readonly string[]): Promise<readonly DueRecord[]> {
    const { clientRecords, settings, clock, telemetry } = this.#dependencies;
    const read = async (client: string): Promise<DueRecord[]> => {
      try {
        const record = await clientRecords.read(client);
        const dueAtMs = record?.dueAtMs;
        const isDue = dueAtMs !== undefined && dueAtMs <= tickHorizonMs(clock.now(), settings);
        return record && isDue ? [{ client, record, dueAtMs }] : [];
      } catch (error) {
        telemetry.log('error', "a client's record could not be read", { client, error: errorFields(error) });
        return [];
      }
    };
    return (await pMap([...new Set(clients)], read, { concurrency: PARALLEL })).flat();
  }

  async #attendAll(due: readonly DueRecord[]): Promise<void> {
    const ordered = due.toSorted((a, b) => failures(a) - failures(b) || a.dueAtMs - b.dueAtMs);
    const attend = async (next: DueRecord): Promise<void> => {
      const end = await this.#attend(next);
      this.#ends.set(next.client, end);
      if (end === 'postponed' && isFailing(next.record)) this.#failedBefore.add(next.client);
      else this.#failedBefore.delete(next.client);
    };
    await pMap(ordered, attend, { concurrency: PARALLEL });
  }

  async #attend({ client, record, dueAtMs }: DueRecord): Promise<End> {
    const { clock, telemetry, settings } = this.#dependencies;
    const nowMs = clock.now();
    const isAtRest = isResting(record, nowMs);
    const despiteRest = isAtRest ? lastResort(record, nowMs, settings) : undefined;
    const reason: MintReason = { kind: 'due', dueAtMs, despiteRest };
    const kind = kindOfMint(reason, record);
    const isTried = (!isAtRest || despiteRest) && !this.#usedUp.has(kind) && this.#isTimeForMint();
    const result = isTried ? await this.#mint(client, reason, kind) : undefined;
    const expiresAtMs = result?.expiresAtMs ?? record.expiresAtMs ?? 0;
    const secondsLeft = (expiresAtMs - settings.graceMs - clock.now()) / 1000;
    telemetry.metric('SecondsToExpiry', Math.max(0, Math.round(secondsLeft)), { client });
    if (result === undefined && !isAtRest) return isTried ? 'failed' : 'postponed';
    if (result?.outcome.status === 'pending') return 'postponed';
    if (result && !result.isFailing) return result.outcome.status;
    const code = result?.outcome.status === 'failed' ? result.outcome.code : record.errorCode;
    if (code === 'secret_missing' && nowMs - (record.failingSinceMs ?? nowMs) < MISSING_MS) return 'missing';
    return result ? 'failed' : 'resting';
  }

  /** @returns undefined if something unforeseen went wrong */
  async #mint(client: string, reason: MintReason, kind: MintRequestKind): Promise<MintResult | undefined> {
    const { minter, telemetry } = this.#dependencies;
    try {
      const result = await minter.mint(client, reason, this.#timeLeftMs);
      const { outcome, isSoon } = result;
      if (outcome.status === 'failed' && isSoon && outcome.retryAtMs !== undefined) {
        this.#soon.set(client, outcome.retryAtMs);
      }
      // The remaining ones of its kind would get the same answer.
      if (outcome.status === 'pending' && outcome.code !== undefined) this.#usedUp.add(kind);
      return result;
    } catch (error) {
      // One client's failure must not affect others.
      telemetry.log('error', 'minting failed unexpectedly', { client, error: errorFields(error) });
      return undefined;
    }
  }

  /** A refusal is a suspicion: the first tries after it come in this tick, after all other clients. */
  async #trySoonAgain(): Promise<void> {
    const { clock } = this.#dependencies;
    while (this.#soon.size > 0) {
      const waitMs = Math.min(...this.#soon.values()) - clock.now();
      if (waitMs > SOON_MS || waitMs > this.#timeLeftMs() || !this.#isTimeForMint()) return;
      if (waitMs > 0) await clock.sleep(waitMs);
      const nowMs = clock.now();
      const clients = [...this.#soon].filter(([, atMs]) => atMs <= nowMs).map(([client]) => client);
      for (const client of clients) this.#soon.delete(client);
      await this.#attendAll(await this.#readDue(clients));
    }
  }

  #isTimeForMint(): boolean {
    return this.#timeLeftMs() >= this.#lastStartLeftMs();
  }

  /** What must be left of the invocation for a mint to begin. */
  #lastStartLeftMs(): number {
    return LAST_REQUEST * this.#dependencies.settings.requestTimeoutMs;
  }

  #report(discovered: number, removed: number): TickSummary {
    const { telemetry } = this.#dependencies;
    const count = (end: End): number => [...this.#ends.values()].filter((other) => other === end).length;
    const summary: TickSummary = {
      discovered,
      removed,
      due: this.#ends.size,
      minted: count('minted'),
      current: count('current'),
      failed: count('failed'),
      resting: count('resting'),
      missing: count('missing'),
      postponed: count('postponed'),
    };
    telemetry.metric('ClientsFailing', summary.failed + summary.resting + this.#failedBefore.size, {});
    telemetry.log('info', 'the minter completed a tick', { ...summary });
    return summary;
  }
}

function failures({ record }: DueRecord): number {
  return Math.max(0, ...Object.values(record.counts));
}
