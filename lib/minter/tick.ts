import pMap from 'p-map';
import type { Secrets } from '../credentials/secrets.ts';
import type { Clock } from '../platform/clock.ts';
import { errorFields } from '../telemetry/error-fields.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { MintOutcome } from '../token/mint-outcome.ts';
import type { TokenSettings } from '../token/settings.ts';
import type { ClientRecord } from './client-record.ts';
import type { ClientRecords } from './client-records.ts';
import { discoverClients } from './discover-clients.ts';
import { tickHorizonMs } from './mint-times.ts';
import { LAST_REQUEST, type Minter } from './mint-token.ts';
import type { SecretListingStore } from './secret-listing.ts';

export interface MintTickDependencies {
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

type End = Exclude<keyof TickSummary, 'discovered' | 'due'>;

/** Clients at a time. One that hangs holds its place for no longer than its requests may take. */
const PARALLEL = 32;

/**
 * One tick of the schedule: looks at all clients that are due. Clients without a failure go first, so that failing
 * ones, however many, take neither time nor tickets from them.
 *
 * @param deadlineMs when the invocation ends
 * @throws {PlumeError} `token_store_unavailable`; the next tick does the same work
 */
export async function mintTick(
  { clientRecords, listing, secrets, minter, settings, clock, telemetry }: MintTickDependencies,
  deadlineMs: number,
): Promise<TickSummary> {
  const lastStartMs = deadlineMs - LAST_REQUEST * settings.requestTimeoutMs;
  const horizonMs = tickHorizonMs(clock.now(), settings);
  let isBudgetUsedUp = false;

  // Beside the minting, and for half of the time: however long the list of secrets is, nobody's token waits for it.
  const untilMs = (clock.now() + lastStartMs) / 2;
  const discovery = { clientRecords, listing, secrets, telemetry, now: clock.now, untilMs };
  const discovering = discoverClients(discovery).catch((error: unknown) => {
    telemetry.log('error', 'new and changed secrets could not be found', { error: errorFields(error) });
    return [];
  });
  const ends = new Map<string, End>();
  const due = await look((await clientRecords.due(horizonMs)).map(({ client }) => client));
  const failing = due.filter(({ record }) => record.failures > 0);
  await attendTo(due.filter(({ record }) => record.failures === 0));
  const discovered = await discovering;
  // Some may have had their turn before their secret was seen to have changed.
  await attendTo(await look([...discovered, ...failing.map(({ client }) => client)]));

  telemetry.metric('MinterTick', 1, {});
  const count = (end: End): number => [...ends.values()].filter((other) => other === end).length;
  const summary: TickSummary = {
    discovered: discovered.length,
    due: ends.size,
    minted: count('minted'),
    current: count('current'),
    failed: count('failed'),
    resting: count('resting'),
    postponed: count('postponed'),
  };
  telemetry.metric('ClientsFailing', summary.failed + summary.resting, {});
  telemetry.log('info', 'the minter completed a tick', { ...summary });
  return summary;

  async function attendTo(due: readonly Due[]): Promise<void> {
    const ordered = due.toSorted((a, b) => a.record.failures - b.record.failures || a.dueAtMs - b.dueAtMs);
    await pMap(ordered, async (next) => ends.set(next.client, await attend(next)), { concurrency: PARALLEL });
  }

  /** Those that are due by their records: the index lags, and some may have been minted for meanwhile. */
  async function look(clients: readonly string[]): Promise<readonly Due[]> {
    return (await pMap([...new Set(clients)], lookAt, { concurrency: PARALLEL })).flat();
  }

  async function lookAt(client: string): Promise<Due[]> {
    try {
      const record = await clientRecords.read(client);
      const dueAtMs = record?.dueAtMs;
      return record === undefined || dueAtMs === undefined || dueAtMs > horizonMs
        ? []
        : [{ client, record, dueAtMs }];
    } catch (error) {
      telemetry.log('error', 'a client could not be looked at', { client, error: errorFields(error) });
      return [];
    }
  }

  async function attend({ client, record, dueAtMs }: Due): Promise<End> {
    let { expiresAtMs } = record;
    let end: End = isResting(record, clock.now()) ? 'resting' : 'postponed';
    if (end === 'postponed' && !isBudgetUsedUp && clock.now() <= lastStartMs) {
      try {
        const result = await minter.mint(client, { kind: 'due', dueAtMs }, deadlineMs);
        end = endOf(result.outcome);
        expiresAtMs = result.expiresAtMs ?? expiresAtMs;
        // The others would hear the same.
        isBudgetUsedUp ||= result.outcome.status === 'pending' && result.outcome.code !== undefined;
      } catch (error) {
        // Nobody's failure is another's.
        end = 'failed';
        telemetry.log('error', 'a client could not be attended to', { client, error: errorFields(error) });
      }
    }
    const secondsLeft = ((expiresAtMs ?? 0) - settings.graceMs - clock.now()) / 1000;
    telemetry.metric('SecondsToExpiry', Math.max(0, Math.round(secondsLeft)), { client });
    return end;
  }
}

interface Due {
  readonly client: string;
  readonly record: ClientRecord;
  readonly dueAtMs: number;
}

function isResting({ errorCode, retryAtMs }: ClientRecord, nowMs: number): boolean {
  return errorCode !== undefined && (retryAtMs === undefined || retryAtMs > nowMs);
}

function endOf({ status }: MintOutcome): End {
  return status === 'pending' ? 'postponed' : status;
}
