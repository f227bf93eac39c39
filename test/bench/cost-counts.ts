import { setTimeout as sleep } from 'node:timers/promises';

import { metricsOf } from '../../infra/local/emulators/cloudwatch/query.ts';
import { synthesize } from '../../infra/local/emulators/cloudwatch/synthesize.ts';
import { alarmsOf } from '../../infra/local/emulators/cloudwatch/template.ts';
import { VENDOR_PROFILE } from '../../infra/local/run/profile.ts';
import { startTable } from '../fixtures/table.ts';
import { createWorld } from '../fixtures/virtual-time/minter.ts';
import type { CallerEvent } from '../system/functions/many-calls.ts';
import { startColdWorld } from './cold-world.ts';
import { countRequests, isWrite } from './count-requests.ts';

/** What is counted here, so that `cost.ts` need not assume it. */

export interface TableRequests {
  readonly reads: number;
  readonly writes: number;
}

/** The table's requests of a tick with nothing to do, and of a mint beyond that, its ticket among them. */
export async function countMinter(): Promise<{ tick: TableRequests; mint: TableRequests }> {
  const engine = await startTable();
  const counted = { reads: 0, writes: 0 };
  countRequests(engine.dynamodb, (operation) => {
    counted[isWrite(operation) ? 'writes' : 'reads'] += 1;
  });
  const count = async (act: () => Promise<unknown>): Promise<TableRequests> => {
    Object.assign(counted, { reads: 0, writes: 0 });
    await act();
    return { ...counted };
  };
  const world = createWorld(engine);
  world.secrets.put('mocha');
  await world.tick();
  // By then the secret is no news any more.
  await world.ticks(15 * 60_000);
  world.clock.advance(60_000);
  const tick = await count(() => world.tick());
  world.clock.advance(12 * 60_000);
  const minting = await count(() => world.tick());
  await engine.stop();
  return {
    tick,
    mint: { reads: minting.reads - tick.reads, writes: minting.writes - tick.writes + 1 },
  };
}

/** Bytes that the bundles write, besides Lambda's own lines: in a tick with nothing to do, and for a call that is one of ten of its invocation. */
export async function countLogs(): Promise<{ tick: number; call: number }> {
  const [times, calls] = [5, 10];
  const world = await startColdWorld({ tokenLatencyMs: 1, testFunctions: ['many-calls'] });
  const { system, cloud } = world;
  try {
    system.add('many-calls', { environment: system.environment({ apiUrl: cloud.apiUrl }) });
    const bytes: Record<string, number> = {};
    system.events.subscribe((event) => {
      if (event.kind !== 'log') return;
      bytes[event.name] = (bytes[event.name] ?? 0) + Buffer.byteLength(event.line);
    });
    const written = async (name: string, event: unknown): Promise<number> => {
      // The first may have more to tell.
      await system.invoke(name, event);
      await sleep(100);
      bytes[name] = 0;
      for (let time = 0; time < times; time += 1) await system.invoke(name, event);
      await sleep(100);
      return bytes[name] / times;
    };
    const event: CallerEvent = { calls, startAtMs: 0 };
    return {
      tick: await written('minter', { kind: 'tick' }),
      call: (await written('many-calls', event)) / calls,
    };
  } finally {
    await world.stop();
  }
}

/** What stands in the template of the reference stack. */
export function countStack(): {
  /** As they are billed: each metric that an alarm looks at. */
  readonly alarms: number;
  readonly dashboards: number;
  readonly keys: number;
  readonly minterGigabytes: number;
} {
  const template = synthesize(VENDOR_PROFILE);
  const resources = Object.entries(template.Resources);
  const count = (type: string): number => resources.filter(([, { Type }]) => Type === type).length;
  const minter = resources.find(([id, { Type }]) => Type === 'AWS::Lambda::Function' && /Minter/.test(id));
  return {
    alarms: alarmsOf(template).reduce((sum, { query }) => sum + metricsOf(query).length, 0),
    dashboards: count('AWS::CloudWatch::Dashboard'),
    keys: count('AWS::KMS::Key'),
    minterGigabytes: Number(minter?.[1].Properties.MemorySize) / 1024,
  };
}
