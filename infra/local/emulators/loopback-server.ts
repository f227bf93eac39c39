import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An HTTP server on a port of the loopback address. */
export interface LoopbackServer {
  /** Without a slash at its end. */
  readonly url: string;
  /** For callers in this process. */
  readonly server: Server;
  /** Lets the process end while the server listens. */
  unref(): void;
  /** Cuts every connection. */
  stop(): Promise<void>;
}

/** @param port 0: any that is free. @throws EADDRINUSE */
export async function startLoopbackServer(
  handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
  port = 0,
): Promise<LoopbackServer> {
  const server = createServer((request, response) => {
    // A caller that disconnects, such as a killed instance, must not affect others.
    handle(request, response).catch(() => response.destroy());
  });
  // Instances keep connections for as long as they like; a server that closes them first races their next request.
  server.keepAliveTimeout = 0;
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${address.port}`,
    server,
    unref() {
      server.unref();
      server.on('connection', (socket) => socket.unref());
    },
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  const json = JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(json);
}
