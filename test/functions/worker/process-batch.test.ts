import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { SQSRecord } from 'aws-lambda';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { type BatchDependencies, processBatch } from '../../../functions/worker/process-batch.ts';
import type { Queues } from '../../../functions/worker/queues.ts';
import { createPlume } from '../../../lib/index.ts';
import { createMemoryBroker, type MemoryBroker } from '../../fixtures/memory.ts';
import { silentTelemetry } from '../../fixtures/telemetry.ts';

let mocha: MemoryBroker;
let latte: MemoryBroker;
let calls: string[] = [];
const api = createServer((request, response) => {
  calls.push(`${request.url} ${request.headers.authorization}`);
  response.writeHead(request.url === '/fails' ? 500 : 200).end('{}');
});

beforeAll(async () => {
  await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(api.address() as AddressInfo).port}/`;
  mocha = await createMemoryBroker(url, async () => 'of-mocha');
  latte = await createMemoryBroker(url, async () => 'of-latte');
});
afterAll(() => {
  api.closeAllConnections();
  api.close();
});

/** Queues that take everything. */
const queues: Queues = { sendResult: async () => true, postpone: async () => {}, deadLetter: async () => {} };

function dependencies(): BatchDependencies {
  return {
    rules: { clients: ['mocha', 'latte'], resultQueues: new Set() },
    plumes: new Map([
      ['mocha', createPlume({ client: 'mocha', broker: mocha.caller() })],
      // This broker's token is of a client of the same name.
      ['latte', createPlume({ client: 'mocha', broker: latte.caller() })],
    ]),
    queues,
    now: Date.now,
    telemetry: silentTelemetry,
    windowMs: 300_000,
    logsDone: false,
    random: () => 0,
  };
}

const recordsOf = (bodies: readonly (object | string)[]): SQSRecord[] =>
  bodies.map((body, index) => {
    return {
      messageId: `m${index}`,
      body: typeof body === 'string' ? body : JSON.stringify(body),
      attributes: { SentTimestamp: String(Date.now()), ApproximateReceiveCount: '1' },
      messageAttributes: {},
    } as unknown as SQSRecord;
  });
const context = { getRemainingTimeInMillis: () => 60_000 };

test('a batch with nine malformed jobs takes one ticket', async () => {
  calls = [];
  const before = { ...mocha.seen };
  const bodies = [...Array.from({ length: 9 }, () => 'malformed'), { method: 'GET', path: '/v1' }];
  expect(await processBatch(recordsOf(bodies), context, dependencies())).toEqual({ batchItemFailures: [] });
  expect(calls).toEqual(['/v1 Bearer of-mocha']);
  expect(mocha.seen.tickets - before.tickets).toBe(1);
});

test('tickets of one client are reserved in one write', async () => {
  const before = { ...mocha.seen };
  await processBatch(
    recordsOf(Array.from({ length: 10 }, () => ({ method: 'GET', path: '/v1' }))),
    context,
    dependencies(),
  );
  expect(mocha.seen.tickets - before.tickets).toBe(10);
  expect(mocha.seen.reservations - before.reservations).toBe(1);
});

test("each job is made with its own client's token", async () => {
  calls = [];
  const bodies = [
    { method: 'GET', path: '/1', client: 'latte' },
    { method: 'GET', path: '/2' },
    { method: 'GET', path: '/3', client: 'mocha' },
  ];
  expect(await processBatch(recordsOf(bodies), context, dependencies())).toEqual({ batchItemFailures: [] });
  expect(calls.sort()).toEqual(['/1 Bearer of-latte', '/2 Bearer of-mocha', '/3 Bearer of-mocha']);
});

test('what is to be tried again stays in the queue, and nothing else', async () => {
  const bodies = [
    { method: 'GET', path: '/fails' },
    { method: 'GET', path: '/v1' },
    'malformed',
    { method: 'GET', path: '/fails', client: 'latte' },
  ];
  const { batchItemFailures } = await processBatch(recordsOf(bodies), context, dependencies());
  expect(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier).sort()).toEqual(['m0', 'm3']);
  expect(await processBatch([], context, dependencies())).toEqual({ batchItemFailures: [] });
});
