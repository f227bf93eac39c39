import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import dynalite from 'dynalite';

/** A DynamoDB to talk to. */
export interface Engine {
  readonly url: string;
  /** If it runs inside this process. */
  readonly server?: Server;
  stop(): Promise<void>;
}

/** The engine that is said to be there cannot be used. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
}

/**
 * dynalite inside this process, or the engine that is already there.
 *
 * @param given URL of an engine to use instead (`AWS_ENDPOINT_URL_DYNAMODB`); it is not stopped
 * @throws {EngineError}
 */
export async function startEngine(given: string | undefined): Promise<Engine> {
  if (given) {
    await checkEngine(given);
    return { url: given, stop: async () => {} };
  }
  const server = dynalite({ createTableMs: 0, deleteTableMs: 0 }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    server,
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function checkEngine(url: string): Promise<void> {
  if (!/^https?:/.test(url) || !URL.canParse(url)) {
    throw new EngineError('AWS_ENDPOINT_URL_DYNAMODB must be the URL of a DynamoDB engine');
  }
  // Whatever it answers, it is there.
  const response = await fetch(url, { signal: AbortSignal.timeout(5_000) }).catch(() => {
    throw new EngineError('nothing answers at AWS_ENDPOINT_URL_DYNAMODB');
  });
  await response.body?.cancel();
}
