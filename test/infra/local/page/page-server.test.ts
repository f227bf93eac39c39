import { request } from 'node:http';
import { networkInterfaces } from 'node:os';
import { text } from 'node:stream/consumers';
import { parseEnv } from 'node:util';
import { afterEach, expect, test } from 'vitest';
import { type PageServer, startPageServer } from '../../../../infra/local/page/page-server.ts';
import type { View } from '../../../../infra/local/page/view.ts';
import type { LocalOutputs } from '../../../../infra/local/run/deployment.ts';
import type { FaultName } from '../../../../infra/local/run/events.ts';

const VIEW = { nowMs: 7, figures: [['jobs', '</script>']] } as unknown as View;
const injected: FaultName[] = [];
const ordered: string[] = [];
let view: View | undefined = VIEW;
let outputs: LocalOutputs | undefined;
let server: PageServer;

async function start(): Promise<void> {
  injected.length = 0;
  ordered.length = 0;
  view = VIEW;
  server = await startPageServer({
    port: 0,
    html: () => '<!doctype html>',
    view: () => view,
    outputs: () => outputs,
    inject(fault) {
      injected.push(fault);
      return fault === 'table-away';
    },
    async order(verb) {
      ordered.push(verb);
      return verb === 'pause';
    },
  });
}
afterEach(() => server.stop());

/** With headers that `fetch` would not let through. */
function ask(path: string, method: string, headers: Record<string, string> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    request(new URL(path, server.url), { method, headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });
}

test('it gives the environment of a worker as a file that Node reads', async () => {
  await start();
  expect(await ask('/worker.env', 'GET')).toBe(503);
  const workerEnvironment = {
    AWS_REGION: 'us-east-1',
    PLUME_BROKER: '{"table":"plume","budget":{"limit":2000}}',
  };
  outputs = { outputs: {}, lambdaEndpoint: '', sqsEndpoint: '', workerEnvironment };
  expect(await ask('/worker.env', 'GET', { origin: 'http://evil.example' })).toBe(403);
  const file = await (await fetch(new URL('/worker.env', server.url))).text();
  expect(parseEnv(file)).toEqual(workerEnvironment);
});

test('it answers to its own name and to its own page', async () => {
  await start();
  const { host, port } = new URL(server.url);
  expect(await ask('/', 'GET')).toBe(200);
  expect(await ask('/', 'GET', { host: `localhost:${port}` })).toBe(200);
  expect(await ask('/faults/table-away', 'POST')).toBe(202);
  expect(await ask('/faults/table-away', 'POST', { origin: `http://${host}` })).toBe(202);
  expect(await ask('/faults/secret-broken', 'POST')).toBe(409);
  expect(injected).toEqual(['table-away', 'table-away', 'secret-broken']);
  expect(await ask('/orders/pause', 'POST')).toBe(200);
  expect(await ask('/orders/lift', 'POST')).toBe(409);
  expect(ordered).toEqual(['pause', 'lift']);
});

test('it refuses other hosts and the pages of other origins, and does nothing for them', async () => {
  await start();
  const { port } = new URL(server.url);
  for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1', `localhost:${Number(port) + 1}`]) {
    expect(await ask('/', 'GET', { host })).toBe(403);
    expect(await ask('/events', 'GET', { host })).toBe(403);
  }
  for (const origin of [
    'http://evil.example',
    'null',
    `http://localhost:${port}`,
    `https://127.0.0.1:${port}`,
  ]) {
    expect(await ask('/faults/table-away', 'POST', { origin })).toBe(403);
    expect(await ask('/orders/pause', 'POST', { origin })).toBe(403);
  }
  expect([...injected, ...ordered]).toEqual([]);
});

test('it knows nothing else', async () => {
  await start();
  expect(await ask('/faults/table-away', 'GET')).toBe(404);
  expect(await ask('/faults/..%2f', 'POST')).toBe(404);
  expect(await ask('/index.html', 'GET')).toBe(404);
  expect(injected).toEqual([]);
});

test('it listens on the loopback address alone', async () => {
  await start();
  const { port } = new URL(server.url);
  const others = Object.values(networkInterfaces())
    .flat()
    .filter((address) => address !== undefined && !address.internal && address.family === 'IPv4');
  for (const { address } of others as { address: string }[])
    await expect(fetch(`http://${address}:${port}/`)).rejects.toThrow();
});

test('whoever listens gets the view at once, and the last one when it stops', async () => {
  await start();
  const response = await fetch(new URL('/events', server.url));
  view = { ...VIEW, nowMs: 8 };
  const [events] = await Promise.all([text(response.body as never), server.stop()]);
  expect(events.split('\n\n').filter(Boolean)).toEqual([
    `data: ${JSON.stringify(VIEW)}`,
    `data: ${JSON.stringify(view)}`,
  ]);
});

test('a port that is taken is an error', async () => {
  await start();
  const { port } = new URL(server.url);
  const options = {
    port: Number(port),
    html: () => '',
    view: () => undefined,
    outputs: () => undefined,
    inject: () => false,
    order: async () => false,
  };
  await expect(startPageServer(options)).rejects.toMatchObject({ code: 'EADDRINUSE' });
});
