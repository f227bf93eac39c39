import pMap from 'p-map';
import type { Secrets } from '../credentials/secrets.ts';
import type { Clock } from '../platform/clock.ts';
import { errorFields } from '../telemetry/error-fields.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { TokenSettings } from '../token/settings.ts';
import { type ClientRecord, isResting } from './client-record.ts';
import type { ClientRecords } from './client-records.ts';
import { discoverClients } from './discover-clients.ts';
import { tickHorizonMs } from './mint-times.ts';
import { LAST_REQUEST, type Minter } from './minter.ts';
import type { SecretListingStore } from './secret-listing.ts';

export interface TickDependencies {
  readonly clientRecords: ClientRecords;
  readonly listing: SecretListingStore;
  readonly secrets: Pick<Secrets, 'list'>;
  readonly minter: Minter;
  readonly settings: TokenSettings;
  readonly clock: Pick<Clock, 'now'>;
  readonly telemetry: Telemetry;
}

/** How many clients came to which end. */
export interface TickSummary {
  /** Secrets that were new or changed. */
  readonly discovered: number;
  readonly due: number;
  readonly minted: number;
  /** They had a good token already. */
  readonly current: number;
  readonly failed: number;
  /** They failed before, and the time to try again has not come. */
  readonly resting: number;
  /** Another minter was at work, or the call budget or the time of the invocation was used up: still due. */
  readonly postponed: number;
}

/**
 * One tick of the schedule: looks at all clients that are due. Clients without a failure go first, so that failing
 * ones, however many, take neither time nor tickets from them.
 *
 * @param deadlineMs when the invocation ends
 * @throws {PlumeError} `token_store_unavailable`; the next tick does the same work
 */
export function runTick(dependencies: TickDependencies, deadlineMs: number): Promise<TickSummary> {
  return new Tick(dependencies, deadlineMs).run();
}

/** Clients at a time. One that hangs holds its place for no longer than its requests may take. */
const PARALLEL = 32;

type End = Exclude<keyof TickSummary, 'discovered' | 'due'>;

interface DueRecord {
  readonly client: string;
  readonly record: ClientRecord;
  readonly dueAtMs: number;
}

class Tick {
  readonly #dependencies: TickDependencies;
  readonly #deadlineMs: number;
  /** No mint begins after this moment. */
  readonly #lastStartMs: number;
  readonly #horizonMs: number;
  readonly #ends = new Map<string, End>();
  #isBudgetUsedUp = false;

  constructor(dependencies: TickDependencies, deadlineMs: number) {
    const { settings, clock } = dependencies;
    this.#dependencies = dependencies;
    this.#deadlineMs = deadlineMs;
    this.#lastStartMs = deadlineMs - LAST_REQUEST * settings.requestTimeoutMs;
    this.#horizonMs = tickHorizonMs(clock.now(), settings);
  }

  async run(): Promise<TickSummary> {
    const { clientRecords } = this.#dependencies;
    const discovering = this.#discover();
    const indexed = await clientRecords.due(this.#horizonMs);
    const due = await this.#readDue(indexed.map(({ client }) => client));
    const failing = due.filter(({ record }) => record.failures > 0);
    await this.#attendAll(due.filter(({ record }) => record.failures === 0));
    const discovered = await discovering;
    // Some may have had their turn before their secret was seen to have changed.
    await this.#attendAll(await this.#readDue([...discovered, ...failing.map(({ client }) => client)]));
    return this.#report(discovered.length);
  }

  /** Beside the minting, and for half of the time: however long the list of secrets is, no token waits for it. */
  async #discover(): Promise<readonly string[]> {
    const { clock, telemetry } = this.#dependencies;
    const untilMs = (clock.now() + this.#lastStartMs) / 2;
    try {
      return await discoverClients({ ...this.#dependencies, now: clock.now, untilMs });
    } catch (error) {
      telemetry.metric('DiscoveryFailed', 1, {});
      telemetry.log('error', 'new and changed secrets could not be found', { error: errorFields(error) });
      return [];
    }
  }

  /** Those that are due by their records: the index lags, and some may have been minted for meanwhile. */
  async #readDue(clients: readonly string[]): Promise<readonly DueRecord[]> {
    const read = async (client: string): Promise<DueRecord[]> => {
      try {
        const record = await this.#dependencies.clientRecords.read(client);
        if (record?.dueAtMs === undefined || record.dueAtMs > this.#horizonMs) return [];
        return [{ client, record, dueAtMs: record.dueAtMs }];
      } catch (error) {
        const { telemetry } = this.#dependencies;
        telemetry.log('error', "a client's record could not be read", { client, error: errorFields(error) });
        return [];
      }
    };
    return (await pMap([...new Set(clients)], read, { concurrency: PARALLEL })).flat();
  }

  async #attendAll(due: readonly DueRecord[]): Promise<void> {
    const ordered = due.toSorted((a, b) => a.record.failures - b.record.failures || a.dueAtMs - b.dueAtMs);
    await pMap(ordered, async (next) => this.#ends.set(next.client, await this.#attend(next)), {
      concurrency: PARALLEL,
    });
  }

  async #attend({ client, record, dueAtMs }: DueRecord): Promise<End> {
    const { minter, clock, telemetry, settings } = this.#dependencies;
    let { expiresAtMs } = record;
    let end: End = isResting(record, clock.now()) ? 'resting' : 'postponed';
    if (end === 'postponed' && !this.#isBudgetUsedUp && clock.now() <= this.#lastStartMs) {
      try {
        const result = await minter.mint(client, { kind: 'due', dueAtMs }, this.#deadlineMs);
        const { outcome } = result;
        end = outcome.status === 'pending' ? 'postponed' : outcome.status;
        expiresAtMs = result.expiresAtMs ?? expiresAtMs;
        // The remaining clients would get the same answer.
        this.#isBudgetUsedUp ||= outcome.status === 'pending' && outcome.code !== undefined;
      } catch (error) {
        // One client's failure must not affect others.
        end = 'failed';
        telemetry.log('error', 'minting failed unexpectedly', { client, error: errorFields(error) });
      }
    }
    const secondsLeft = ((expiresAtMs ?? 0) - settings.graceMs - clock.now()) / 1000;
    telemetry.metric('SecondsToExpiry', Math.max(0, Math.round(secondsLeft)), { client });
    return end;
  }

  #report(discovered: number): TickSummary {
    const { telemetry } = this.#dependencies;
    const count = (end: End): number => [...this.#ends.values()].filter((other) => other === end).length;
    const summary: TickSummary = {
      discovered,
      due: this.#ends.size,
      minted: count('minted'),
      current: count('current'),
      failed: count('failed'),
      resting: count('resting'),
      postponed: count('postponed'),
    };
    telemetry.metric('MinterTick', 1, {});
    telemetry.metric('ClientsFailing', summary.failed + summary.resting, {});
    telemetry.log('info', 'the minter completed a tick', { ...summary });
    return summary;
  }
}
