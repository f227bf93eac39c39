import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { createMemoryBroker } from '../../fixtures/memory.ts';

/** A process of its own: reads an answer in every way without awaiting it, ends the invocation, and tells that it still lives. */

const server = createServer((_, response) => response.writeHead(200).write('{"half":')).listen(
  0,
  '127.0.0.1',
);
await new Promise((resolve) => server.once('listening', resolve));
const { port } = server.address() as AddressInfo;
const broker = await createMemoryBroker(`http://127.0.0.1:${port}/`, async () => 'token');
const session = broker
  .caller({ timeoutMs: 60_000 })
  .open({ client: 'mocha', patienceMs: () => 60_000, endsInMs: Number.POSITIVE_INFINITY });

const ways: ((response: Response) => unknown)[] = [
  (response) => response.text(),
  (response) => response.json(),
  (response) => response.blob(),
  (response) => response.bytes(),
  (response) => response.arrayBuffer(),
  (response) => response.formData(),
  (response) => response.clone().text(),
  (response) => response.body?.getReader().read(),
  (response) => response.body?.pipeTo(new WritableStream()),
  (response) => response.body?.tee().map((half) => half.getReader().read()),
  async (response) => {
    for await (const _ of response.body ?? []);
  },
];
for (const way of ways) void way(await session.fetch('/v1'));
// The first chunk has come, the next never does.
await sleep(50);
await session.close();
await sleep(50);
console.log('alive');
process.exit(0);
