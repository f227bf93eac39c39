import { createCallBudget } from '../../lib/budget/call-budget.ts';
import { createDynamoTicketCounter } from '../../lib/budget/dynamo-ticket-counter.ts';
import { createClientRecords } from '../../lib/minter/client-records.ts';
import { createMinter } from '../../lib/minter/minter.ts';
import { createMintRequests } from '../../lib/token/mint-requests.ts';
import { createTokenStore } from '../../lib/token/token-store.ts';
import { BREAKER_SYSTEMS, breakerSystem, LONG_BREAKER_SYSTEMS } from './breaker-system.ts';
import { budgetSystem, COUNTERS, LONG_SYSTEMS, QUICK_SYSTEMS } from './budget-system.ts';
import { explore, type Model } from './explore.ts';
import { LEASE_SYSTEMS, LONG_LEASE_SYSTEMS, leaseSystem } from './lease-system.ts';

/** Visits all states of all systems, those too that are too many for `npm test`. */
const budget = { createCallBudget, createDynamoTicketCounter };
const lease = { createMinter, createClientRecords, createTokenStore, createMintRequests };

for (const [name, system] of Object.entries({ ...LEASE_SYSTEMS, ...LONG_LEASE_SYSTEMS })) {
  await visit(name, leaseSystem(lease, system));
}
for (const [name, system] of Object.entries({ ...BREAKER_SYSTEMS, ...LONG_BREAKER_SYSTEMS })) {
  await visit(name, breakerSystem(budget, system));
}
for (const [name, system] of Object.entries({ ...QUICK_SYSTEMS, ...LONG_SYSTEMS })) {
  for (const counter of Object.keys(COUNTERS) as (keyof typeof COUNTERS)[]) {
    await visit(`${name}, from a counter that is ${counter}`, budgetSystem(budget, { ...system, counter }));
  }
}

async function visit(name: string, start: () => Promise<Model>): Promise<void> {
  const { states, counterexample } = await explore(start);
  console.log(`${name}: ${states} states`);
  if (counterexample === undefined) return;
  console.log([counterexample.violation, ...counterexample.schedule].join('\n  '));
  process.exitCode = 1;
}
