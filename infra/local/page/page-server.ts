import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { sendJson, startLoopbackServer } from '../emulators/loopback-server.ts';
import type { LocalOutputs } from '../run/deployment.ts';
import type { FaultName } from '../run/events.ts';
import type { PageHtml } from './page-html.ts';
import type { PageOrder } from './status-record.ts';
import type { View } from './view.ts';

export interface PageServer {
  readonly url: string;
  /** Sends the last view to every open page, and ends. */
  stop(): Promise<void>;
}

export interface PageServerOptions {
  /** 0: any that is free. */
  readonly port: number;
  readonly html: PageHtml;
  readonly view: () => View | undefined;
  /** undefined: no run has begun. */
  readonly outputs: () => LocalOutputs | undefined;
  /** False: the fault is not known, or under way, or none is taken any more. */
  readonly inject: (fault: FaultName) => boolean;
  /** False: it was not carried out. */
  readonly order: (verb: PageOrder) => Promise<boolean>;
}

const EVERY_MS = 1_000;
const GRACE_MS = 1_000;

/**
 * Serves the page only to this machine: on the loopback address, to requests that name it so, and takes orders from
 * its own page only, not from one of another origin that the browser has open.
 */
export async function startPageServer({
  port,
  html,
  view,
  outputs,
  inject,
  order,
}: PageServerOptions): Promise<PageServer> {
  const listeners = new Set<ServerResponse>();
  const document = html();

  const server = await startLoopbackServer(async (request, response) => {
    response.setHeader('cache-control', 'no-store');
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('x-frame-options', 'DENY');
    if (!isOwn(request)) return sendJson(response, 403, { error: 'forbidden' });
    const [, fault] = /^\/faults\/([a-z-]+)$/.exec(request.url ?? '') ?? [];
    if (fault !== undefined && request.method === 'POST') {
      const isTaken = inject(fault as FaultName);
      return sendJson(response, isTaken ? 202 : 409, { fault, isTaken });
    }
    const [, verb] = /^\/orders\/(pause|slow|resume|lift)$/.exec(request.url ?? '') ?? [];
    if (verb !== undefined && request.method === 'POST') {
      const isDone = await order(verb as PageOrder);
      return sendJson(response, isDone ? 200 : 409, { verb, isDone });
    }
    if (request.url === '/' && request.method === 'GET') {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(document);
      return;
    }
    if (request.url === '/outputs' && request.method === 'GET') {
      const told = outputs();
      return sendJson(response, told === undefined ? 503 : 200, told ?? { error: 'not_started' });
    }
    if (request.url === '/worker.env' && request.method === 'GET') {
      const told = outputs();
      response.writeHead(told === undefined ? 503 : 200, { 'content-type': 'text/plain; charset=utf-8' });
      response.end(environmentFile(told?.workerEnvironment ?? {}));
      return;
    }
    if (request.url === '/events' && request.method === 'GET') return listen(response);
    sendJson(response, 404, { error: 'not_found' });
  }, port);

  function listen(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    listeners.add(response);
    response.on('close', () => listeners.delete(response));
    send([response]);
  }

  function send(to: Iterable<ServerResponse>): void {
    const responses = [...to].filter((response) => !response.writableNeedDrain);
    const current = responses.length > 0 ? view() : undefined;
    if (current === undefined) return;
    const event = `data: ${JSON.stringify(current)}\n\n`;
    for (const response of responses) response.write(event);
  }

  const timer = setInterval(() => send(listeners), EVERY_MS);
  return {
    url: `${server.url}/`,
    async stop() {
      clearInterval(timer);
      send(listeners);
      const ended = [...listeners].map((response) => new Promise<void>((resolve) => response.end(resolve)));
      // A page that no longer reads must not delay the others.
      await Promise.race([Promise.all(ended), sleep(GRACE_MS, undefined, { ref: false })]);
      await server.stop();
    },
  };
}

/** As Node's `--env-file` and shells read it. No value has a quote or a line's end. */
function environmentFile(environment: Readonly<Record<string, string>>): string {
  return Object.entries(environment)
    .map(([name, value]) => `${name}='${value}'\n`)
    .join('');
}

/** Sent to this machine by name, and by a page of this server if by any page. */
function isOwn({ headers, socket }: IncomingMessage): boolean {
  const hosts = ['127.0.0.1', 'localhost'].map((name) => `${name}:${socket.localPort}`);
  const { host = '', origin } = headers;
  return hosts.includes(host) && (origin === undefined || origin === `http://${host}`);
}
