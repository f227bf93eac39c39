import { buildApp } from 'fauxqs';

/** SQS inside this process. */
export async function startQueueServer(): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const app = buildApp({ logger: false });
  // fauxqs's own start function would listen on every address of the machine.
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  return {
    url,
    async stop() {
      app.server.closeAllConnections();
      await app.close();
    },
  };
}
