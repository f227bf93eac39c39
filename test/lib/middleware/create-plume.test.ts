import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { createPlume, isPlumeError, type PlumeApi, type PlumeOptions } from '../../../lib/index.ts';
import type { WorkerBroker } from '../../../lib/plume/broker.ts';
import { type CloudBroker, startCloudBroker } from '../../fixtures/memory.ts';

const PATH = '/api/v1/locations';

let broker: CloudBroker;
beforeAll(async () => {
  broker = await startCloudBroker();
});
afterAll(() => broker.stop());
beforeEach(() => {
  Object.assign(broker.seen, { reservations: 0, tickets: 0, flushes: 0 });
  broker.seen.logged.length = 0;
});

const mocha = (options: Partial<PlumeOptions> = {}) =>
  createPlume({ client: 'mocha', broker: broker.caller(), ...options });
const lambdaContext = (remainingMs: number) => ({ getRemainingTimeInMillis: () => remainingMs });

test('gives the work its calls, and returns what it returned', async () => {
  const result = await mocha().run(async (plume) => {
    const response = await plume.fetch(PATH);
    const { path } = await plume.json<{ path: string }>(PATH, { query: { page: 2 } });
    return [response.status, path];
  });
  expect(result).toEqual([200, `${PATH}?page=2`]);
  expect(broker.seen.flushes).toBe(1);
});

test('ends with an error of the work, which stays what it was, and writes the metrics', async () => {
  const error = new Error('mine');
  await expect(
    mocha().run(() => {
      throw error;
    }),
  ).rejects.toBe(error);
  expect(broker.seen.flushes).toBe(1);
});

test('ends the calls that the work did not await, and every later one', async () => {
  let kept: PlumeApi | undefined;
  let forgotten: Promise<Response> | undefined;
  await mocha().run((plume) => {
    kept = plume;
    forgotten = plume.fetch(PATH);
  });
  await expect(forgotten).rejects.toMatchObject({ code: 'session_closed', client: 'mocha' });
  await expect(kept?.json(PATH)).rejects.toMatchObject({ code: 'session_closed' });
  expect(JSON.stringify(broker.seen.logged)).toContain('did not await all of its calls');
});

test('ends the reading of an answer that the work did not read', async () => {
  const away: typeof fetch = async (_url, init) => {
    const body = new ReadableStream({
      start: (stream) => init?.signal?.addEventListener('abort', () => stream.error(init.signal?.reason)),
    });
    return new Response(body);
  };
  const response = await mocha({ broker: broker.caller({ fetch: away }) }).run((plume) => plume.fetch(PATH));
  await expect(response.text()).rejects.toMatchObject({ code: 'session_closed' });
});

test('reserves what it is told, what the event says, or one', async () => {
  const work = ({ json }: PlumeApi) => json(PATH);
  await mocha().run(work, { calls: 7 });
  expect(broker.seen).toMatchObject({ reservations: 1, tickets: 7 });
  await mocha().run(work, { event: { Records: [{}, {}, {}] } });
  expect(broker.seen).toMatchObject({ reservations: 2, tickets: 10 });
  await mocha().run(work, { event: { path: '/' } });
  await mocha().run(work);
  expect(broker.seen).toMatchObject({ reservations: 4, tickets: 12 });
});

test('runs at once are apart: the end of one leaves the calls of another', async () => {
  const plume = mocha();
  const gate = Promise.withResolvers<void>();
  const slow = plume.run(async ({ fetch }) => {
    await gate.promise;
    return (await fetch(PATH)).status;
  });
  await plume.run(({ json }) => json(PATH));
  gate.resolve();
  expect(await slow).toBe(200);
});

test("with Lambda's context no call outlives the invocation", async () => {
  const call = mocha().run((plume) => plume.fetch(PATH), { context: lambdaContext(400) });
  await expect(call).rejects.toMatchObject({ code: 'invocation_over' });
});

test('without one the time is bounded by maxWaitMs alone', async () => {
  const opened: { waitMs: number; endsInMs: number }[] = [];
  const caller = broker.caller();
  const watched: WorkerBroker = {
    open(invocation) {
      opened.push({ waitMs: invocation.patienceMs(), endsInMs: invocation.endsInMs });
      return caller.open(invocation);
    },
  };
  const work = ({ json }: PlumeApi) => json(PATH);
  await mocha({ broker: watched }).run(work);
  await mocha({ broker: watched, maxWaitMs: 90_000 }).run(work);
  await mocha({ broker: watched }).run(work, { context: lambdaContext(10_000) });
  expect(opened).toEqual([
    { waitMs: 30_000, endsInMs: Number.POSITIVE_INFINITY },
    { waitMs: 90_000, endsInMs: Number.POSITIVE_INFINITY },
    { waitMs: 8_000, endsInMs: 9_500 },
  ]);
});

test.each([
  [{ client: 'a/b' }, 'client'],
  [{ maxWaitMs: -1 }, 'maxWaitMs'],
  [{ retry: { limit: 99 } }, 'retry.limit'],
])('options that cannot work are refused at once: %j', (options, name) => {
  expect(() => mocha(options)).toThrow(expect.objectContaining({ code: 'config_invalid' }));
  expect(() => mocha(options)).toThrow(name);
});

test('a policy of retries is that of all calls', async () => {
  const waits: number[] = [];
  const clock = { now: Date.now, sleep: async (ms: number) => void waits.push(ms) };
  const away: typeof fetch = async () => new Response('{}', { status: 503 });
  const plume = mocha({
    broker: broker.caller({ fetch: away, clock, random: () => 0.5 }),
    retry: { limit: 2 },
  });
  const error = await plume.run(({ json }) => json(PATH)).catch((thrown: unknown) => thrown);
  expect(isPlumeError(error) && error.code).toBe('api_error');
  expect(waits).toEqual([250, 500]);
});
