import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import pMap from 'p-map';

import { createCallBudget } from '../../lib/budget/call-budget.ts';
import { createDynamoTicketCounter } from '../../lib/budget/dynamo-ticket-counter.ts';
import { createClientRecords } from '../../lib/minter/client-records.ts';
import { createMinter } from '../../lib/minter/minter.ts';
import { createMintRequests } from '../../lib/token/mint-requests.ts';
import { createTokenStore } from '../../lib/token/token-store.ts';
import { BREAKER_SYSTEMS, breakerSystem, LONG_BREAKER_SYSTEMS } from './breaker-system.ts';
import { budgetSystem, COUNTERS, LONG_SYSTEMS, QUICK_SYSTEMS } from './budget-system.ts';
import { type Exploration, explore, type Model } from './explore.ts';
import { LEASE_SYSTEMS, LONG_LEASE_SYSTEMS, leaseSystem } from './lease-system.ts';

/** Visits all states of all systems, those too that are too many for `npm test`: a thread for each, as many as there are cores. */
const budget = { createCallBudget, createDynamoTicketCounter };
const lease = { createMinter, createClientRecords, createTokenStore, createMintRequests };

/** Those that take longest come first. */
const systems = new Map<string, () => Promise<Model>>();
for (const [name, system] of Object.entries({ ...LONG_SYSTEMS, ...QUICK_SYSTEMS })) {
  for (const counter of Object.keys(COUNTERS) as (keyof typeof COUNTERS)[]) {
    systems.set(`${name}, from a counter that is ${counter}`, budgetSystem(budget, { ...system, counter }));
  }
}
for (const [name, system] of Object.entries({ ...LONG_LEASE_SYSTEMS, ...LEASE_SYSTEMS })) {
  systems.set(`lease: ${name}`, leaseSystem(lease, system));
}
for (const [name, system] of Object.entries({ ...LONG_BREAKER_SYSTEMS, ...BREAKER_SYSTEMS })) {
  systems.set(`circuit breaker: ${name}`, breakerSystem(budget, system));
}

if (isMainThread) {
  const visited = await pMap(systems.keys(), visit, { concurrency: availableParallelism() });
  console.log(`${visited.length} systems: ${visited.reduce((sum, states) => sum + states, 0)} states`);
} else {
  parentPort?.postMessage(await explore(systems.get(workerData) as () => Promise<Model>));
}

/** @returns how many states there are; a thread that fails fails the run */
async function visit(name: string): Promise<number> {
  const thread = new Worker(new URL(import.meta.url), { workerData: name });
  const [{ states, counterexample }]: [Exploration] = (await once(thread, 'message')) as [Exploration];
  console.log(`${name}: ${states} states`);
  if (counterexample !== undefined) {
    console.log([counterexample.violation, ...counterexample.schedule].join('\n  '));
    process.exitCode = 1;
  }
  return states;
}
