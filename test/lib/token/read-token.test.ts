import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Telemetry } from '../../../lib/telemetry/telemetry.ts';
import { type AccessToken, accessToken } from '../../../lib/token/access-token.ts';
import type { AskMinter } from '../../../lib/token/ask-minter.ts';
import type { MintOutcome } from '../../../lib/token/mint-outcome.ts';
import { createMintRequests, type MintRequests } from '../../../lib/token/mint-requests.ts';
import { createTokenReader, type TokenReader } from '../../../lib/token/read-token.ts';
import { DEFAULT_TOKEN_SETTINGS } from '../../../lib/token/settings.ts';
import { createTokenStore, type TokenStore } from '../../../lib/token/token-store.ts';
import { startTable, type Table } from '../../fixtures/table.ts';
import { type PassingClock, passingClock } from '../../fixtures/virtual-time/time.ts';

const MINUTE = 60_000;
const settings = DEFAULT_TOKEN_SETTINGS;

let table: Table;
let store: TokenStore;
/** The table is away. */
let awayStore: TokenStore;
let clock: PassingClock;
let client: string;
let clients = 0;
/** What the minter was asked, and its answer. */
let asked: (string | undefined)[];
let minter: AskMinter;
let served: string[];

beforeAll(async () => {
  table = await startTable();
  store = createTokenStore(table);
  awayStore = createTokenStore({ dynamodb: table.dynamodb, table: 'no-such-table' });
});
afterAll(() => table.stop());
beforeEach(() => {
  clock = passingClock(table.settled);
  client = `client-${clients++}`;
  asked = [];
  served = [];
  minter = async () => ({
    status: 'minted',
    fingerprint: (await mint(`minted-${asked.length}`)).fingerprint,
  });
});

const telemetry: Telemetry = {
  metric: (name, _, labels) => {
    if (name === 'TokenServed') served.push((labels as { source: string }).source);
  },
  log: () => {},
};

function instance(
  using: TokenStore = store,
  requests: Pick<MintRequests, 'claim'> = createMintRequests(table),
): TokenReader {
  return createTokenReader({
    store: using,
    requests,
    askMinter: async (name, rejected) => {
      asked.push(rejected);
      return minter(name, rejected);
    },
    settings,
    clock,
    telemetry,
    random: () => 0.5,
  });
}

/** As the minter stores it. */
async function mint(value: string, lifetimeMs = 10 * MINUTE): Promise<AccessToken> {
  const current = (await store.read(client))?.token;
  const token = accessToken(value, clock.now(), clock.now() + lifetimeMs);
  expect(await store.replace(client, token, current?.fingerprint)).toBe(true);
  return token;
}

const get = async (reader: TokenReader, rejected?: string, waitMs = 20_000): Promise<string> =>
  (await reader.get(client, { waitUntilMs: clock.now() + waitMs, rejected })).token.value;

describe('a token comes', () => {
  test('from the table first, then from memory', async () => {
    await mint('stored');
    const reader = instance();
    expect([await get(reader), await get(reader), await get(reader)]).toEqual(['stored', 'stored', 'stored']);
    expect(served).toEqual(['table', 'memory', 'memory']);
    expect(asked).toEqual([]);
  });

  test('from the minter, if there is none', async () => {
    const reader = instance();
    expect(await get(reader)).toBe('minted-1');
    expect(await get(reader)).toBe('minted-1');
    expect(served).toEqual(['minter', 'memory']);
    expect(asked).toEqual([undefined]);
  });

  test('from the minter, when that in memory and table enters the grace, and not before', async () => {
    await mint('stored');
    const reader = instance();
    await get(reader);
    clock.advance(10 * MINUTE - settings.graceMs - 1);
    expect(await get(reader)).toBe('stored');
    clock.advance(1);
    expect(await get(reader)).toBe('minted-1');
  });

  test('from the table again, when the minter has replaced it in time', async () => {
    await mint('first');
    const reader = instance();
    await get(reader);
    clock.advance(9 * MINUTE);
    await mint('second');
    expect(await get(reader)).toBe('first');
    clock.advance(MINUTE);
    expect(await get(reader)).toBe('second');
    expect(asked).toEqual([]);
  });
});

describe('many callers', () => {
  test('of one instance share one read', async () => {
    await mint('stored');
    let reads = 0;
    const reader = instance({ ...store, read: (name) => store.read(name).finally(() => (reads += 1)) });
    const tokens = await Promise.all(Array.from({ length: 100 }, () => get(reader)));
    expect(new Set(tokens)).toEqual(new Set(['stored']));
    expect(reads).toBe(1);
  });

  test('of many instances, without a token, ask the minter once', async () => {
    const readers = Array.from({ length: 20 }, () => instance());
    const tokens = await Promise.all(readers.flatMap((reader) => [get(reader), get(reader)]));
    expect(new Set(tokens)).toEqual(new Set(['minted-1']));
    expect(asked).toEqual([undefined]);
  });

  test('wait by reading: a second of a mint costs each one claim, since refused writes are billed', async () => {
    const startedMs = clock.now();
    const requests = createMintRequests(table);
    await requests.claim(client, undefined, clock.now());
    let [reads, claims] = [0, 0];
    const counting: Pick<MintRequests, 'claim'> = {
      claim: (...claim) => {
        claims += 1;
        return requests.claim(...claim);
      },
    };
    const minted: TokenStore = {
      ...store,
      async read(name) {
        reads += 1;
        if (reads === 5) await mint('stored');
        return store.read(name);
      },
    };
    expect(await get(instance(minted, counting))).toBe('stored');
    expect(clock.now() - startedMs).toBeGreaterThan(500);
    expect(clock.now() - startedMs).toBeLessThan(1_000);
    expect(claims).toBe(1);
  });

  test('of many instances, with a rejected token, ask the minter once', async () => {
    const old = await mint('old');
    clock.advance(MINUTE);
    const readers = Array.from({ length: 20 }, () => instance());
    for (const reader of readers) expect(await get(reader)).toBe('old');
    const tokens = await Promise.all(readers.map((reader) => get(reader, old.fingerprint)));
    expect(new Set(tokens)).toEqual(new Set(['minted-1']));
    expect(asked).toEqual([old.fingerprint]);
  });
});

describe('a rejected token', () => {
  test('is not asked about if the table already holds another', async () => {
    const old = await mint('old');
    const reader = instance();
    await get(reader);
    await mint('new');
    expect(await get(reader, old.fingerprint)).toBe('new');
    expect(asked).toEqual([]);
  });

  test('of a few seconds is given again when it is older: the API may not know it yet', async () => {
    const young = await mint('young');
    clock.advance(1_000);
    const before = clock.now();
    expect(await get(instance(), young.fingerprint)).toBe('young');
    expect(clock.now() - before).toBe(settings.youngTokenMs - 1_000);
    expect(asked).toEqual([]);
    expect(await get(instance(), young.fingerprint)).toBe('minted-1');
  });
});

describe('a failure of the minter', () => {
  const failing = (outcome: MintOutcome): void => {
    minter = async () => outcome;
  };

  test('that is tried again later than the caller waits is told at once, with its code and that moment', async () => {
    const retryAtMs = clock.now() + 3_600_000;
    failing({ status: 'failed', code: 'invalid_scope', retryAtMs });
    await expect(get(instance())).rejects.toMatchObject({
      code: 'token_unavailable',
      mintCode: 'invalid_scope',
      client,
      retryAtMs,
      message: expect.stringContaining('correct the cause'),
    });
  });

  test('noted in the table is told without asking again', async () => {
    await store.noteFailure(
      client,
      { code: 'invalid_client', retryAtMs: clock.now() + 3_600_000 },
      clock.now(),
    );
    await expect(get(instance())).rejects.toMatchObject({ mintCode: 'invalid_client' });
    expect(asked).toEqual([]);
  });

  test('does not take a servable token out of service', async () => {
    await mint('stored');
    await store.noteFailure(
      client,
      { code: 'invalid_client', retryAtMs: clock.now() + 3_600_000 },
      clock.now(),
    );
    expect(await get(instance())).toBe('stored');
  });

  test('noted in the table is history when its moment has passed: the minter is asked', async () => {
    await store.noteFailure(
      client,
      { code: 'oauth_unavailable', retryAtMs: clock.now() + 1_000 },
      clock.now(),
    );
    clock.advance(2_000);
    expect(await get(instance())).toBe('minted-1');
  });

  test('is waited for within the time there is', async () => {
    const retryAtMs = clock.now() + 3_000;
    minter = async () =>
      asked.length === 1
        ? { status: 'failed', code: 'oauth_unavailable', retryAtMs }
        : { status: 'minted', fingerprint: (await mint('late')).fingerprint };
    expect(await get(instance())).toBe('late');
    expect(clock.now()).toBeGreaterThanOrEqual(retryAtMs);
  });

  test('beyond that time becomes the moment to come back', async () => {
    const retryAtMs = clock.now() + 60_000;
    failing({ status: 'failed', code: 'oauth_unavailable', retryAtMs });
    await expect(get(instance())).rejects.toMatchObject({ code: 'token_unavailable', retryAtMs });
  });

  test('is never remembered', async () => {
    failing({ status: 'failed', code: 'oauth_unavailable', retryAtMs: clock.now() + 60_000 });
    const reader = instance();
    await expect(get(reader)).rejects.toThrow();
    await mint('stored');
    expect(await get(reader)).toBe('stored');
  });

  test('to answer at all is waited out; another asks when the claim has run out', async () => {
    minter = async () => {
      throw new Error('MARKER');
    };
    await expect(get(instance(), undefined, 12_000)).rejects.toMatchObject({
      code: 'token_unavailable',
      message: expect.not.stringContaining('MARKER'),
    });
    expect(asked.length).toBeGreaterThanOrEqual(2);
    expect(asked.length).toBeLessThanOrEqual(3);
  });
});

test('a token that waits for a ticket may be sent to the start of its grace, not after', async () => {
  await mint('stored');
  const reader = instance();
  const given = await reader.get(client, { waitUntilMs: clock.now() });
  clock.advance(given.sendUntilMs - clock.now() - 1);
  expect(reader.isSendable(client, given)).toBe(true);
  clock.advance(1);
  expect(reader.isSendable(client, given)).toBe(false);
});

describe('while the table is away', () => {
  test('memory serves the token to its true end', async () => {
    await mint('stored');
    let using = store;
    const reader = instance({ ...store, read: (name) => using.read(name) });
    await get(reader);
    using = awayStore;
    clock.advance(10 * MINUTE - 1);
    const { token, sendUntilMs } = await reader.get(client, { waitUntilMs: clock.now() });
    expect(token.value).toBe('stored');
    expect(sendUntilMs).toBe(token.expiresAtMs);
    clock.advance(1);
    await expect(get(reader)).rejects.toMatchObject({ code: 'token_store_unavailable', client });
    using = store;
    expect(await get(reader)).toBe('minted-1');
  });

  test('a rejected token is not served from memory', async () => {
    const old = await mint('old');
    let using = store;
    const reader = instance({ ...store, read: (name) => using.read(name) });
    await get(reader);
    using = awayStore;
    await expect(get(reader, old.fingerprint)).rejects.toMatchObject({ code: 'token_store_unavailable' });
  });
});

test('a minter that does not answer is waited for as long as the caller can, and no longer', async () => {
  minter = () => new Promise(() => {});
  const reader = instance();
  await expect(get(reader, undefined, 0)).rejects.toMatchObject({
    code: 'token_unavailable',
    retryAtMs: clock.now(),
  });
  // Nor does it hold up the next invocation, which finds what somebody has stored meanwhile.
  await mint('stored');
  expect(await get(reader, undefined, 0)).toBe('stored');
});

test("a caller's signal ends its wait, with its reason", async () => {
  minter = () => new Promise(() => {});
  const signal = AbortSignal.abort(new Error('enough'));
  await expect(instance().get(client, { waitUntilMs: clock.now() + 1_000, signal })).rejects.toThrow(
    'enough',
  );
});
