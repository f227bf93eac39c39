import { spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { Session } from '../../../lib/plume/broker.ts';
import { createMemoryBroker, type MemoryBroker } from '../../fixtures/memory.ts';

let broker: MemoryBroker;
const server = createServer((request, response) => {
  response.writeHead(200, { 'content-type': 'application/x-www-form-urlencoded' });
  if (request.url === '/half') return void response.write('a=');
  if (request.url === '/empty') return void response.end();
  response.write('a=1');
  setTimeout(() => response.end('&b=2'), 5);
});

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  broker = await createMemoryBroker(
    `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async () => 'token',
  );
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const open = (): Session =>
  broker
    .caller({ timeoutMs: 60_000 })
    .open({ client: 'mocha', patienceMs: () => 60_000, endsInMs: Number.POSITIVE_INFINITY });

test('no body that is read without being awaited ends the process', () => {
  const { stdout, stderr, status } = spawnSync(process.execPath, ['test/lib/plume/unread-bodies.ts'], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  expect([stdout, status]).toEqual(['alive\n', 0]);
});

test.each(['text', 'json', 'bytes', 'blob', 'arrayBuffer', 'formData'] as const)(
  '%s still rejects with session_closed for a reader that awaits it',
  async (reader) => {
    const session = open();
    const response = await session.fetch('/half');
    const reading = response[reader]();
    await session.close();
    await expect(reading).rejects.toMatchObject({ code: 'session_closed' });
  },
);

test('a reading that begins after the invocation fails with session_closed', async () => {
  const session = open();
  const [one, other] = [await session.fetch('/half'), await session.fetch('/half')];
  const whole = await session.fetch('/v1');
  await whole.clone().text();
  await session.close();
  await expect(whole.text()).rejects.toMatchObject({ code: 'session_closed' });
  await expect(one.text()).rejects.toMatchObject({ code: 'session_closed' });
  await expect(other.body?.getReader().read()).rejects.toMatchObject({ code: 'session_closed' });
});

test("the answer is the platform's in every other way", async () => {
  const session = open();
  const get = () => session.fetch('/v1');
  const response = await get();
  expect(response).toBeInstanceOf(Response);
  expect([response.status, response.ok, response.headers.get('content-type'), response.redirected]).toEqual([
    200,
    true,
    'application/x-www-form-urlencoded',
    false,
  ]);
  expect(response.body).toBe(response.body);
  expect(Object.keys(response)).toEqual([]);
  const copy = response.clone();
  expect(await response.text()).toBe('a=1&b=2');
  expect(response.bodyUsed).toBe(true);
  await expect(response.text()).rejects.toThrow(TypeError);
  expect(await copy.text()).toBe('a=1&b=2');

  expect(Object.fromEntries(await (await get()).formData())).toEqual({ a: '1', b: '2' });
  expect((await (await get()).blob()).size).toBe(7);
  expect((await (await get()).bytes()).byteLength).toBe(7);
  expect((await (await get()).arrayBuffer()).byteLength).toBe(7);
  await expect((await get()).json()).rejects.toThrow(SyntaxError);

  const chunks: Uint8Array[] = [];
  for await (const chunk of (await get()).body ?? []) chunks.push(chunk);
  expect(Buffer.concat(chunks).toString()).toBe('a=1&b=2');
  const [half, otherHalf] = (await get()).body?.tee() ?? [];
  expect(await new Response(half).text()).toBe('a=1&b=2');
  expect(await new Response(otherHalf).text()).toBe('a=1&b=2');
  const reader = (await get()).body?.getReader({ mode: 'byob' });
  const { value } = (await reader?.read(new Uint8Array(2))) ?? {};
  expect(Buffer.from(value ?? []).toString()).toBe('a=');
  await reader?.cancel();

  const empty = await session.fetch('/empty');
  for await (const _ of empty.body ?? []) expect.unreachable();
  await (await get()).body?.cancel();
  await session.close();
});
