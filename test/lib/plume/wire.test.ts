import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server as TcpServer,
} from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';

import type { Ticket } from '../../../lib/budget/tickets.ts';
import type { Session } from '../../../lib/plume/broker.ts';
import type { PlumeRequestInit } from '../../../lib/plume/request-init.ts';
import { selfSigned } from '../../fixtures/certificate.ts';
import { createMemoryBroker } from '../../fixtures/memory.ts';

/** What leaves: one request for each ticket, in its time, whatever sends it. */

const servers: TcpServer[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    (server as Partial<Server>).closeAllConnections?.();
    server.close();
  }
});

async function portOf(server: TcpServer): Promise<number> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function open(apiUrl: string, timeoutMs = 10_000): Promise<Session> {
  const broker = await createMemoryBroker(apiUrl, async () => 'token');
  return broker
    .caller({ timeoutMs })
    .open({ client: 'mocha', patienceMs: () => 60_000, endsInMs: Number.POSITIVE_INFINITY });
}

/** Undici's own types are of another version than Node's. */
const through = (dispatcher: object, init: object = {}) => ({ ...init, dispatcher }) as PlumeRequestInit;

const paths: Readonly<Record<string, RequestListener>> = {
  '/ok': (_, response) => response.end('ok'),
  '/unavailable': (_, response) => response.writeHead(503).end('later'),
  '/reset': (request) => request.socket.destroy(),
  '/broken': (_, response) => {
    response.writeHead(200, { 'content-length': '10', etag: '"a"' }).write('half');
    setTimeout(() => response.destroy(), 20);
  },
};

describe.each([
  ['6', () => import('undici-6')],
  ['7', () => import('undici')],
  ['8', () => import('undici-8')],
])("undici %s's RetryAgent, as the dispatcher of the whole process", (_, load) => {
  const GLOBAL = Symbol.for('undici.globalDispatcher.1');
  const shared = globalThis as unknown as Record<symbol, unknown>;

  test.each(Object.keys(paths))('sends one request for %s', async (path) => {
    const seen: string[] = [];
    const port = await portOf(
      createServer((request, response) => {
        seen.push(request.url ?? '');
        paths[request.url ?? '']?.(request, response);
      }),
    );
    const session = await open(`http://127.0.0.1:${port}`);
    // What an application does that wants all of its requests repeated.
    await fetch(`http://127.0.0.1:${port}/ok`);
    const before = shared[GLOBAL];
    const { Agent, RetryAgent, setGlobalDispatcher } = (await load()) as typeof import('undici');
    setGlobalDispatcher(new RetryAgent(new Agent(), { minTimeout: 5, maxRetries: 3 }));
    try {
      seen.length = 0;
      const end = await session.fetch(path).then(
        (response) => response.text().catch((error: Error) => error),
        (error: Error) => error,
      );
      if (path === '/ok') expect(end).toBe('ok');
      else expect(end).toBeInstanceOf(Error);
      await sleep(100);
      expect(seen).toEqual([path]);
      expect(await (await session.fetch('/ok')).text()).toBe('ok');
    } finally {
      shared[GLOBAL] = before;
      await session.close();
    }
  });
});

describe("a caller's own dispatcher", () => {
  test('is used: a client certificate reaches the API', async () => {
    const { key, cert } = selfSigned();
    const { Agent } = await import('undici');
    const port = await portOf(
      createTlsServer(
        { key, cert, ca: cert, requestCert: true, rejectUnauthorized: true },
        (request, response) => response.end(request.headers.authorization),
      ),
    );
    const session = await open(`https://localhost:${port}`);
    const own = new Agent({ connect: { ca: cert, key, cert } });
    expect(await (await session.fetch('/v1', through(own))).text()).toBe('Bearer token');
    expect(await session.json('/v1', through(own)).catch(({ code }) => code)).toBe('api_error');
    await expect(session.fetch('/v1')).rejects.toMatchObject({ code: 'api_unreachable' });
    await session.close();
    await own.close();
  });

  test('is used: a proxy tunnels the call', async () => {
    const { key, cert } = selfSigned();
    const { ProxyAgent } = await import('undici');
    const port = await portOf(createTlsServer({ key, cert }, (_, response) => response.end('api')));
    const tunnels: string[] = [];
    const proxy = createServer().on('connect', ({ url }, socket) => {
      tunnels.push(url ?? '');
      const onward = connect(port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        onward.pipe(socket).pipe(onward);
      });
      onward.on('error', () => socket.destroy());
      socket.on('error', () => onward.destroy());
    });
    const own = new ProxyAgent({
      uri: `http://127.0.0.1:${await portOf(proxy)}`,
      requestTls: { ca: cert },
    });
    const session = await open(`https://localhost:${port}`);
    expect(await (await session.fetch('/v1', through(own))).text()).toBe('api');
    expect(tunnels).toEqual([`localhost:${port}`]);
    await session.close();
    await own.destroy();
  });

  test('is guarded: its repetitions do not reach the API', async () => {
    const { Agent, RetryAgent } = await import('undici');
    let calls = 0;
    const port = await portOf(
      createServer((_, response) => {
        calls += 1;
        response.writeHead(503).end();
      }),
    );
    const session = await open(`http://127.0.0.1:${port}`);
    const own = new RetryAgent(new Agent(), { minTimeout: 5, maxRetries: 3 });
    await expect(session.fetch('/v1', through(own))).rejects.toMatchObject({
      code: 'api_unreachable',
      reason: 'SECOND_REQUEST',
    });
    await sleep(100);
    expect(calls).toBe(1);
    await session.close();
  });
});

describe('a ticket that has expired when the connection is there', () => {
  const LIFE_AND_NETWORK_MS = 1_000 + 3_000;
  const FREEZE_MS = 6_000;

  test('is not used by a call that was frozen inside the TLS handshake: it takes another', {
    timeout: 90_000,
  }, async () => {
    const { key, cert } = selfSigned();
    const arrivedAtMs: number[] = [];
    const api = await portOf(
      createTlsServer({ key, cert }, (_, response) => {
        arrivedAtMs.push(Date.now());
        response.end();
      }),
    );
    // Between the caller and the API: holds what the caller says first until the caller is frozen.
    const begun = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    const relay = createTcpServer((socket) => {
      const onward = connect(api, '127.0.0.1');
      socket.once('data', async (hello) => {
        socket.pause();
        begun.resolve();
        await released.promise;
        onward.write(hello);
        socket.pipe(onward).pipe(socket);
      });
      onward.on('error', () => socket.destroy());
      socket.on('error', () => onward.destroy());
    });
    const folder = mkdtempSync(join(tmpdir(), 'wire-'));
    const ca = join(folder, 'ca.pem');
    writeFileSync(ca, cert);
    const caller = fork('test/lib/plume/frozen-caller.ts', [`https://localhost:${await portOf(relay)}`], {
      env: { ...process.env, NODE_EXTRA_CA_CERTS: ca },
    });
    const told: { ticket?: Ticket; status?: number; error?: string }[] = [];
    caller.on('message', (message: object) => told.push(message));
    const exited = once(caller, 'exit');

    await begun.promise;
    caller.kill('SIGSTOP');
    released.resolve();
    await sleep(FREEZE_MS);
    caller.kill('SIGCONT');
    await exited;
    rmSync(folder, { recursive: true });

    expect(told.at(-1)).toEqual({ status: 200 });
    const tickets = told.flatMap(({ ticket }) => ticket ?? []);
    expect(tickets).toHaveLength(2);
    expect(arrivedAtMs).toHaveLength(1);
    const [first, second] = tickets as [Ticket, Ticket];
    const [arrived = 0] = arrivedAtMs;
    // On the first ticket it would have come too late.
    expect(arrived).toBeGreaterThan(first.validFromMs + LIFE_AND_NETWORK_MS);
    expect(arrived).toBeGreaterThanOrEqual(second.validFromMs);
    expect(arrived).toBeLessThanOrEqual(second.expiresAtMs + 3_000);
  });
});
