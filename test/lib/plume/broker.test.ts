import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { type CallBudget, createCallBudget } from '../../../lib/budget/call-budget.ts';
import { createDynamoTicketCounter } from '../../../lib/budget/dynamo-ticket-counter.ts';
import { systemClock } from '../../../lib/platform/clock.ts';
import { createBroker, type Session, type WorkerBroker } from '../../../lib/plume/broker.ts';
import type { BufferedTelemetry } from '../../../lib/telemetry/telemetry.ts';
import { accessToken } from '../../../lib/token/access-token.ts';
import type { AskMinter } from '../../../lib/token/ask-minter.ts';
import { createMintRequests } from '../../../lib/token/mint-requests.ts';
import { createTokenReader } from '../../../lib/token/read-token.ts';
import { DEFAULT_TOKEN_SETTINGS } from '../../../lib/token/settings.ts';
import { createTokenStore, type TokenStore } from '../../../lib/token/token-store.ts';
import { ABUNDANT_BUDGET, fillBudget } from '../../fixtures/abundant-budget.ts';
import { openBudget } from '../../fixtures/open-budget.ts';
import { startTable, type Table } from '../../fixtures/table.ts';
import { silentTelemetry } from '../../fixtures/telemetry.ts';

type Answer = (request: IncomingMessage, response: ServerResponse, token: string | undefined) => void;

let table: Table;
let store: TokenStore;
let apiUrl: URL;
let answer: Answer;
let calls: string[];
let client: string;
let number = 0;
let mints: number;
let metrics: string[];
let logged: string;

const server = createServer((request, response) => {
  const token = request.headers.authorization?.replace('Bearer ', '');
  calls.push(`${request.method} ${request.url} ${token}`);
  request.resume().on('end', () => answer(request, response, token));
});

beforeAll(async () => {
  table = await startTable();
  store = createTokenStore(table);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  apiUrl = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await table.stop();
});
beforeEach(async () => {
  client = `client-${number++}`;
  calls = [];
  mints = 0;
  metrics = [];
  logged = '';
  answer = (_, response) => response.setHeader('content-type', 'application/json').end('{"ok":true}');
  await fillBudget(table, client);
  await mint('MARKER-0', 60_000);
});

const telemetry: BufferedTelemetry = {
  metric: (name) => metrics.push(name),
  log: (...line) => {
    logged += inspect(line, { depth: 9 });
  },
  flush: () => metrics.push('flush'),
};

async function mint(value: string, ageMs = 0): Promise<string> {
  const current = (await store.read(client))?.token;
  const issuedAtMs = Date.now() - ageMs;
  const token = accessToken(value, issuedAtMs, issuedAtMs + 600_000);
  await store.replace(client, token, current?.fingerprint);
  return token.fingerprint;
}

function budgetOf(name: string, worker = ABUNDANT_BUDGET.worker): CallBudget {
  const settings = { ...ABUNDANT_BUDGET, name, worker };
  const counter = createDynamoTicketCounter({ dynamodb: table.dynamodb, table: table.table, settings });
  return createCallBudget({
    settings,
    counter,
    clock: systemClock,
    telemetry: silentTelemetry,
  });
}

const mintNow: AskMinter = async () => {
  mints += 1;
  return { status: 'minted', fingerprint: await mint(`MARKER-${mints}`) };
};

/** One environment, with a memory of its own. */
function environment(
  budget = budgetOf(client),
  askMinter: AskMinter = mintNow,
  fetch = globalThis.fetch,
): WorkerBroker {
  return createBroker({
    apiUrl,
    tokens: createTokenReader({
      store,
      requests: createMintRequests(table),
      askMinter,
      settings: DEFAULT_TOKEN_SETTINGS,
      clock: systemClock,
      telemetry,
      random: Math.random,
    }),
    budget,
    fetch,
    clock: systemClock,
    telemetry,
    timeoutMs: 20_000,
  });
}

const open = (plume = environment(), calls = 1, endsInMs = 60_000): Session =>
  plume.open({ client, calls, patienceMs: () => 10_000, endsInMs });

const json = (response: ServerResponse, status: number) =>
  response.writeHead(status, { 'content-type': 'application/json' }).end('{}');

test('a call carries the token, and its answer comes back as it is', async () => {
  const response = await open().fetch('/v1/x?a=1', { method: 'POST', body: 'body' });
  expect(await response.json()).toEqual({ ok: true });
  expect(calls).toEqual(['POST /v1/x?a=1 MARKER-0']);
});

describe('401', () => {
  const rejecting =
    (...rejected: string[]): Answer =>
    (_, response, token) =>
      json(response, rejected.includes(token ?? '') ? 401 : 200);

  test('is answered with one new token and one more attempt', async () => {
    answer = rejecting('MARKER-0');
    expect((await open().fetch('/v1', { method: 'POST', body: 'again' })).status).toBe(200);
    expect(calls).toEqual(['POST /v1 MARKER-0', 'POST /v1 MARKER-1']);
    expect(metrics).toEqual(expect.arrayContaining(['TokenRejected', 'TokenRecovered']));
    expect(mints).toBe(1);
  });

  test('of 100 calls in 10 environments at once causes one mint, and every call succeeds', async () => {
    answer = rejecting('MARKER-0');
    const budget = budgetOf(client);
    const sessions = Array.from({ length: 10 }, () => open(environment(budget), 10));
    const responses = await Promise.all(
      sessions.flatMap((session) => Array.from({ length: 10 }, () => session.fetch('/v1'))),
    );
    expect(responses.every(({ status }) => status === 200)).toBe(true);
    expect(mints).toBe(1);
    expect(calls.length).toBeLessThanOrEqual(200);
  });

  test('a 401 gives the calls that still wait for their ticket the new token: they send it at once', async () => {
    answer = rejecting('MARKER-0');
    // The first call has its ticket; the others get theirs when it makes its second attempt.
    const second = Promise.withResolvers<void>();
    let attempts = 0;
    const budget = openBudget({
      async before() {
        attempts += 1;
        if (attempts === 4) second.resolve();
        if (attempts === 2 || attempts === 3) await second.promise;
      },
    });
    const session = open(environment(budget), 3);
    const responses = await Promise.all([session.fetch('/1'), session.fetch('/2'), session.fetch('/3')]);
    expect(responses.every(({ status }) => status === 200)).toBe(true);
    expect(calls.filter((call) => call.endsWith('MARKER-0'))).toHaveLength(1);
    expect(calls).toHaveLength(4);
  });

  test('for a second token as well is the answer', async () => {
    answer = rejecting('MARKER-0', 'MARKER-1');
    expect((await open().fetch('/v1')).status).toBe(401);
    expect(calls).toHaveLength(2);
    expect(mints).toBe(1);
  });

  test('for a body that was a stream is a typed error, with a new token at hand for the next call', async () => {
    answer = rejecting('MARKER-0');
    const session = open();
    const stream = { method: 'POST', body: new Blob(['x']).stream(), duplex: 'half' } as RequestInit;
    await expect(session.fetch('/v1', stream)).rejects.toMatchObject({
      code: 'request_not_repeatable',
      client,
    });
    expect((await session.fetch('/v1')).status).toBe(200);
    expect(calls).toEqual(['POST /v1 MARKER-0', 'GET /v1 MARKER-1']);
  });
});

describe('403', () => {
  test("in JSON is the API's own and comes back as it is", async () => {
    answer = (_, response) => json(response, 403);
    expect((await open().fetch('/v1')).status).toBe(403);
    expect(mints).toBe(0);
  });

  test("is told by the caller's own rule, if there is one", async () => {
    answer = (_, response) => response.writeHead(403, { 'content-type': 'text/html' }).end('<html>');
    const invocation = { client, patienceMs: () => 10_000, endsInMs: 60_000, isWafBlock: () => false };
    expect((await environment().open(invocation).fetch('/v1')).status).toBe(403);
  });

  test('of the WAF is an error that says when to come back, stops no other environment and costs no token', async () => {
    const html: Answer = (_, response) =>
      response.writeHead(403, { 'content-type': 'text/html' }).end('<html>');
    answer = (request, response, token) =>
      request.url?.startsWith('/poison') ? html(request, response, token) : json(response, 200);
    const [one, other] = [environment(budgetOf(client)), environment(budgetOf(client))];
    const error = await open(one)
      .fetch('/poison?name=private')
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'waf_blocked', client, refused: 'call' });
    expect((error as Error).message).toContain('refused GET /poison of client');
    expect((error as { retryAtMs: number }).retryAtMs).toBeGreaterThan(Date.now());
    expect((await open(other).fetch('/v1')).status).toBe(200);
    expect((await open(one).fetch('/v1')).status).toBe(200);
    expect((await store.read(client))?.token?.value).toBe('MARKER-0');
  });
});

describe('the end of the invocation', () => {
  test('ends the calls under way, which are reported, and every later one', async () => {
    answer = () => {};
    const session = open();
    const call = session.fetch('/v1');
    const ended = expect(call).rejects.toMatchObject({ code: 'session_closed', client });
    while (calls.length === 0) await systemClock.sleep(5);
    await session.close();
    await ended;
    expect(logged).toContain('did not await all of its calls');
    expect(metrics.at(-1)).toBe('flush');
    await expect(session.fetch('/v1')).rejects.toMatchObject({ code: 'session_closed' });
  });

  test('refuses a call that is the first one and comes later', async () => {
    const session = open();
    await session.close();
    expect(metrics).toEqual(['flush']);
    await expect(session.fetch('/v1')).rejects.toMatchObject({ code: 'session_closed' });
    await expect(session.json('/v1')).rejects.toMatchObject({ code: 'session_closed' });
    expect(calls).toEqual([]);
  });

  test('waits until the calls under way have ended, also if they take their time', async () => {
    let hasBegun = false;
    let hasEnded = false;
    const slow: typeof fetch = async () => {
      hasBegun = true;
      await systemClock.sleep(100);
      hasEnded = true;
      return Response.json({});
    };
    const session = open(environment(budgetOf(client), mintNow, slow));
    const call = session.fetch('/v1').catch(() => {});
    while (!hasBegun) await systemClock.sleep(5);
    await session.close();
    expect(hasEnded).toBe(true);
    await call;
  });

  test('does not crash the environment through a call that nobody awaits', async () => {
    answer = () => {};
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', note);
    const session = open();
    void session.fetch('/v1');
    while (calls.length === 0) await systemClock.sleep(5);
    await session.close();
    await systemClock.sleep(20);
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
  });
});

describe('the last moments of the invocation', () => {
  const ENDS_IN_MS = 60;

  test('end the wait for a token: nothing was sent, and the call may be made again', async () => {
    const plume = environment(budgetOf(client), () => new Promise(() => {}));
    await store.replace(client, accessToken('expired', 0, 1), (await store.read(client))?.token?.fingerprint);
    const session = open(plume, 1, ENDS_IN_MS);
    const error = await session.fetch('/v1').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'invocation_over', client, retryAtMs: expect.any(Number) });
    expect(calls).toEqual([]);
    await session.close();
  });

  test('end the wait for a ticket in the same way', async () => {
    const slow = { ...ABUNDANT_BUDGET.worker, intervalMs: 500, burstMs: 0, horizonMs: 4_000 };
    const session = open(environment(budgetOf(`${client}-slow`, slow)), 1, ENDS_IN_MS);
    await expect(session.fetch('/v1')).rejects.toMatchObject({ code: 'invocation_over' });
    expect(calls).toEqual([]);
    await session.close();
  });

  /** How a call ends whose invocation is over while it is under way: a busy machine sends it later. */
  async function endedUnderWay(call: (session: Session) => Promise<unknown>): Promise<unknown> {
    for (let endsInMs = 250; ; endsInMs *= 4) {
      const error = await call(open(environment(), 1, endsInMs)).catch((thrown: unknown) => thrown);
      if (calls.length > 0) return error;
      expect(error).toMatchObject({ code: 'invocation_over' });
    }
  }

  test('end a call under way, which may have been acted on', async () => {
    answer = () => {};
    const error = await endedUnderWay((session) => session.fetch('/v1'));
    expect(error).toMatchObject({ code: 'api_unreachable', reason: 'invocation over' });
    expect(calls).toHaveLength(1);
  });

  test('end the reading of an answer', async () => {
    answer = (_, response) => response.writeHead(200).write('{"half":');
    const error = await endedUnderWay(async (session) => (await session.fetch('/v1')).text());
    expect(error).toMatchObject({ code: 'api_unreachable' });
  });

  test.each([0, 20])('are over for a call that only begins then: %d ms', async (endsInMs) => {
    const session = open(environment(), 1, endsInMs);
    await systemClock.sleep(endsInMs + 5);
    await expect(session.fetch('/v1')).rejects.toMatchObject({ code: 'invocation_over' });
    expect(calls).toEqual([]);
  });
});

test("the caller's own signal ends a call, with its reason", async () => {
  answer = () => {};
  const abort = new AbortController();
  const session = open();
  const call = session.fetch('/v1', { signal: abort.signal });
  const ended = expect(call).rejects.toThrow('enough');
  while (calls.length === 0) await systemClock.sleep(5);
  abort.abort(new Error('enough'));
  await ended;
  await session.close();
});

test.each([
  ['of the WAF', 403, 'text/html'],
  ['that rejects a token', 401, 'application/json'],
])('an answer %s is not left open', async (_, status, type) => {
  let isClosed = false;
  answer = (_request, response, token) => {
    if (token !== 'MARKER-0') return json(response, 200);
    response.on('close', () => {
      isClosed = true;
    });
    response.writeHead(status, { 'content-type': type }).write('<');
  };
  await open()
    .fetch('/v1')
    .catch(() => {});
  await expect.poll(() => isClosed).toBe(true);
});

test('nothing that is logged or thrown holds a token', async () => {
  const errors: unknown[] = [];
  const collect = (call: Promise<unknown>) => call.catch((error: unknown) => errors.push(error));
  answer = (_, response, token) => json(response, token === 'MARKER-0' ? 401 : 500);
  await collect(open().fetch('/v1'));
  answer = (request) => request.socket.destroy();
  await collect(open().fetch('/v1'));
  answer = (_, response) => response.writeHead(403).end('<html>');
  await collect(open().fetch('/v1'));
  await collect(open().fetch('https://elsewhere.example/'));
  expect(errors.length).toBe(3);
  expect(
    `${logged}${inspect(errors, { depth: 9, showHidden: true })}${JSON.stringify(errors)}`,
  ).not.toContain('MARKER');
});

test('redact takes out the tokens that the calls of this session carried, and no others', async () => {
  answer = (_, response, token) => json(response, token === 'MARKER-0' ? 401 : 200);
  const session = open();
  const echo = 'a=MARKER-0&b=MARKER-1';
  expect(session.redact(echo)).toBe(echo);
  await session.fetch('/v1');
  expect(session.redact(`${echo} MARKER-2`)).toBe('a=[redacted]&b=[redacted] MARKER-2');
  expect(open().redact(echo)).toBe(echo);
  await session.close();
  expect(session.redact(echo)).not.toContain('MARKER');
});

describe('priority', () => {
  /** The budget, and what was asked of it: priority and calls. */
  function watched() {
    const budget = budgetOf(client);
    const asked: unknown[] = [];
    const openBook: CallBudget['openBook'] = (options) => {
      asked.push([options.priority, options.calls]);
      return budget.openBook(options);
    };
    return { asked, broker: environment({ ...budget, openBook }) };
  }
  const invocation = () => ({ client, calls: 3, patienceMs: () => 10_000, endsInMs: 60_000 });

  test('of a call goes before that of its invocation, and those expected are of the invocation', async () => {
    const { asked, broker } = watched();
    const session = broker.open({ ...invocation(), priority: 'low' });
    await session.fetch('/v1');
    await session.fetch('/v1', { priority: 'auto' });
    await session.fetch('/v1', { priority: 'normal' });
    await session.fetch('/v1', { priority: 'high' });
    expect(asked).toEqual([
      ['low', 3],
      ['normal', 1],
    ]);
    await session.close();
  });

  test('is normal where nobody says otherwise', async () => {
    const { asked, broker } = watched();
    const session = broker.open(invocation());
    await session.fetch('/v1');
    await session.fetch('/v1', { priority: 'low' });
    expect(asked).toEqual([
      ['normal', 3],
      ['low', 1],
    ]);
    await session.close();
  });

  test('is one of those that there are', async () => {
    const priority = 'MARKER' as 'low';
    const refused = open().fetch('/v1', { priority });
    await expect(refused).rejects.toMatchObject({ code: 'request_refused' });
    await expect(refused).rejects.toThrow("its option priority must be 'normal' or 'low'");
  });
});
