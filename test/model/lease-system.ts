import { TABLE } from '../../lib/contract.ts';
import { parseCredentials } from '../../lib/credentials/credentials.ts';
import type { MintReason } from '../../lib/minter/mint-times.ts';
import { DEFAULT_TOKEN_SETTINGS } from '../../lib/token/settings.ts';
import { openBudget } from '../fixtures/open-budget.ts';
import { silentTelemetry } from '../fixtures/telemetry.ts';
import type { Model } from './explore.ts';
import type { Item } from './expressions.ts';
import { type Faults, NO_FAULTS } from './faults.ts';
import { type Instance, System } from './system.ts';

/** The code under test: as it is, or with something broken. */
export interface LeaseCode {
  readonly createMinter: typeof import('../../lib/minter/minter.ts').createMinter;
  readonly createClientRecords: typeof import('../../lib/minter/client-records.ts').createClientRecords;
  readonly createTokenStore: typeof import('../../lib/token/token-store.ts').createTokenStore;
  readonly createMintRequests: typeof import('../../lib/token/mint-requests.ts').createMintRequests;
}

/** Where it stands, as far as mutants are in it. */
export const LEASE_FILES = ['minter/minter.ts', 'minter/client-records.ts', 'token/token-store.ts'];

type Event =
  | { readonly kind: 'lease'; readonly untilMs: number }
  | { readonly kind: 'mint'; readonly sentAtMs: number }
  | { readonly kind: 'stored' }
  | { readonly kind: 'served'; readonly status: string };

const START_MS = 1_000_000_000;
const CLIENT = 'mocha';
const TABLE_NAME = 'table';
/** Longer than a lease. */
const FREEZE_MS = openBudget().maxWaitMs + 3 * DEFAULT_TOKEN_SETTINGS.requestTimeoutMs + 1;

/** A new client, which is due, and for which a worker has asked. */
const ITEMS: readonly Item[] = [
  {
    [TABLE.partitionKey]: { S: TABLE.mintKey(CLIENT) },
    due: { S: 'due' },
    dueAtMs: { N: String(START_MS) },
    wanted: { BOOL: true },
    listedVersion: { S: 'version' },
  },
  {
    [TABLE.partitionKey]: { S: TABLE.requestKey(CLIENT) },
    rejected: { S: 'none' },
    untilMs: { N: String(START_MS) },
  },
];

export const LEASE_SYSTEMS = {
  'three minters': { minters: 3, faults: NO_FAULTS },
  'a minter that dies': { minters: 2, faults: { ...NO_FAULTS, deaths: 1 } },
  'a lost answer': { minters: 2, faults: { ...NO_FAULTS, lostAnswers: 1 } },
  'a minter that comes too late': { minters: 2, faults: { ...NO_FAULTS, freezes: 1 } },
} satisfies Readonly<Record<string, LeaseSystemOptions>>;

/** What takes longer than `npm test` should. */
export const LONG_LEASE_SYSTEMS: Readonly<Record<string, LeaseSystemOptions>> = {
  'three minters, one of which dies': { minters: 3, faults: { ...NO_FAULTS, deaths: 1 } },
  'three minters, one of which comes too late': { minters: 3, faults: { ...NO_FAULTS, freezes: 1 } },
  'three minters, and a lost answer': { minters: 3, faults: { ...NO_FAULTS, lostAnswers: 1 } },
  'a minter that dies, and one that comes too late': {
    minters: 2,
    faults: { ...NO_FAULTS, deaths: 1, freezes: 1 },
  },
};

export interface LeaseSystemOptions {
  /** The first serves a worker's request, the others come by the schedule. */
  readonly minters: number;
  readonly faults: Faults;
}

/** Minters that find one client without a token at the same moment. */
export function leaseSystem(code: LeaseCode, { minters, faults }: LeaseSystemOptions): () => Promise<Model> {
  function minterOf({ name, dynamodb, clock, request, note }: Instance) {
    const where = { dynamodb, table: TABLE_NAME };
    const clientRecords = code.createClientRecords(where);
    const store = code.createTokenStore(where);
    const mintRequests = code.createMintRequests(where);
    let owners = 0;
    let grants = 0;
    const minter = code.createMinter({
      clientRecords: {
        ...clientRecords,
        async acquire(of) {
          const acquired = await clientRecords.acquire(of);
          if (acquired !== undefined) note({ kind: 'lease', untilMs: acquired.lease.untilMs });
          return acquired;
        },
      },
      store: {
        ...store,
        async replace(...of) {
          const isStored = await store.replace(...of);
          if (isStored) note({ kind: 'stored' });
          return isStored;
        },
      },
      mintRequests,
      secrets: {
        read: async () => ({
          versionId: 'version',
          credentials: () =>
            parseCredentials(
              CLIENT,
              JSON.stringify({
                clientId: 'id',
                clientSecret: 'secret',
                tokenUrl: 'https://sso.example/token',
                scope: 'partnerId:mocha role:partnerIdAdmin',
              }),
            ),
        }),
      },
      budget: openBudget(),
      fetch: () => {
        grants += 1;
        note({ kind: 'mint', sentAtMs: clock.now() });
        const grant = { access_token: `token-${name}-${grants}`, token_type: 'Bearer', expires_in: 1_800 };
        return request('a token is asked for', () => Response.json(grant));
      },
      settings: DEFAULT_TOKEN_SETTINGS,
      clock,
      telemetry: silentTelemetry,
      random: () => 0.5,
      newOwner: () => {
        owners += 1;
        return `${name}-${owners}`;
      },
    });
    return { minter, mintRequests };
  }

  async function byRequest(instance: Instance): Promise<void> {
    const { clock, note } = instance;
    const { minter, mintRequests } = minterOf(instance);
    const reason: MintReason = { kind: 'request' };
    for (let left = tries; ; left -= 1) {
      const { status } = (await minter.mint(CLIENT, reason, () => 60_000)).outcome;
      if (status !== 'pending' || left === 1) return note({ kind: 'served', status });
      // Whoever held the lease has finished, or lost it.
      await clock.sleep(FREEZE_MS);
      await mintRequests.claim(CLIENT, undefined, clock.now());
    }
  }

  async function bySchedule(instance: Instance): Promise<void> {
    await minterOf(instance).minter.mint(CLIENT, { kind: 'due', dueAtMs: START_MS }, () => 60_000);
  }

  const expectedMints = 1 + faults.deaths + faults.freezes;
  /** Each fault makes the worker ask once more; without one, another's lease does. */
  const tries = Math.max(2, expectedMints);
  return () =>
    System.start<Event>({
      parts: Array.from({ length: minters }, (_, index) => ({ run: index === 0 ? byRequest : bySchedule })),
      items: ITEMS,
      faults,
      startMs: START_MS,
      delayMs: DEFAULT_TOKEN_SETTINGS.requestTimeoutMs,
      freezeMs: FREEZE_MS,
      key: TABLE.mintKey(CLIENT),
      check: (events) => violationOf(events, expectedMints),
    });
}

/** What must hold of all that the minters did. */
function violationOf(
  events: readonly (Event & { readonly instance: string })[],
  expectedMints: number,
): string | undefined {
  const leases = new Map<string, number>();
  let mints = 0;
  let stored = 0;
  for (const event of events) {
    if (event.kind === 'lease') leases.set(event.instance, event.untilMs);
    else if (event.kind === 'stored') stored += 1;
    else if (event.kind === 'mint') {
      mints += 1;
      if (event.sentAtMs > (leases.get(event.instance) ?? Number.NEGATIVE_INFINITY))
        return `${event.instance} asked for a token without a lease`;
    } else if (event.status === 'pending' || event.status === 'failed')
      return `${event.instance} has no token although the lease of the others was over: ${event.status}`;
  }
  if (mints > expectedMints) return `${mints} tokens were asked for`;
  if (stored > 1) return `${stored} tokens were stored, one over the other`;
  return undefined;
}
