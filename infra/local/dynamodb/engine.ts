import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

import dynalite from 'dynalite';

/** A DynamoDB to talk to. */
export interface Engine {
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * dynalite inside this process, or the engine that is already there.
 *
 * @param given URL of an engine to use instead (`AWS_ENDPOINT_URL_DYNAMODB`); it is not stopped
 */
export async function startEngine(given: string | undefined): Promise<Engine> {
  if (given) return { url: given, stop: async () => {} };
  const server = dynalite({ createTableMs: 0, deleteTableMs: 0 }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
