import { DeleteItemCommand } from '@aws-sdk/client-dynamodb';

import { TABLE } from '../../lib/contract.ts';
import { createMintRequests } from '../../lib/token/mint-requests.ts';
import { createTokenReader } from '../../lib/token/read-token.ts';
import { startTable } from '../fixtures/table.ts';
import { silentTelemetry } from '../fixtures/telemetry.ts';
import { createWorld } from '../fixtures/virtual-time/minter.ts';
import { createVirtualTime, virtualClock } from '../fixtures/virtual-time/time.ts';
import { createRandom } from '../simulation/random.ts';
import { isWrite } from './count-requests.ts';

/** How long things take, as an instance sees them in its Region. */
export const VIRTUAL_MS = { table: 10, minter: 20, token: 400 } as const;

export interface VirtualHerd {
  readonly tokenRequests: number;
  readonly reads: number;
  readonly writes: number;
  readonly lastMs: number;
}

/** The herd on virtual time: what it costs to wait for one another, however fast this machine is. */
export async function startVirtualHerd(): Promise<{
  meet(callers: number, seed: number): Promise<VirtualHerd>;
  stop(): Promise<void>;
}> {
  const table = await startTable();
  const time = createVirtualTime(1_700_000_000_000, table.settled);
  const clock = { ...virtualClock(time), advance: () => {} };
  const counted = { reads: 0, writes: 0 };
  table.dynamodb.middlewareStack.add(
    (next, { commandName = '' }) =>
      async (args) => {
        counted[isWrite(commandName) ? 'writes' : 'reads'] += 1;
        await clock.sleep(VIRTUAL_MS.table);
        return next(args);
      },
    // Before a request counts as under way: until then time passes.
    { step: 'initialize', priority: 'high', name: 'tableLatency' },
  );

  return {
    async meet(callers, seed) {
      const random = createRandom(seed).next;
      const world = createWorld(table, { clock, random });
      world.secrets.put('mocha');
      world.server.trouble = async () => {
        await clock.sleep(VIRTUAL_MS.token);
        return undefined;
      };
      await during(async () => {
        for (const key of [TABLE.tokenKey, TABLE.mintKey, TABLE.requestKey]) {
          const Key = { [TABLE.partitionKey]: { S: key('mocha') } };
          await table.dynamodb.send(new DeleteItemCommand({ TableName: table.table, Key }));
        }
      });
      Object.assign(counted, { reads: 0, writes: 0 });
      const startedMs = clock.now();
      let lastMs = 0;
      const call = async (): Promise<void> => {
        const reader = createTokenReader({
          store: world.store,
          requests: createMintRequests(table),
          async askMinter(client, rejected) {
            await clock.sleep(VIRTUAL_MS.minter);
            return world.request(client, rejected);
          },
          settings: world.settings,
          clock,
          telemetry: silentTelemetry,
          random,
        });
        // Far away: a look ends by the machine's clock, which a busy machine must not notice.
        await reader.get('mocha', { waitUntilMs: startedMs + 600_000 });
        lastMs = Math.max(lastMs, clock.now() - startedMs);
      };
      await during(() => Promise.all(Array.from({ length: callers }, call)));
      return { tokenRequests: world.server.mints(), ...counted, lastMs };
    },
    stop: () => {
      table.dynamodb.middlewareStack.remove('tableLatency');
      return table.stop();
    },
  };

  async function during(work: () => Promise<unknown>): Promise<void> {
    await Promise.all([work(), time.run(clock.now() + 60_000)]);
  }
}
