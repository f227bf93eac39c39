import { createCallBudget } from '../../lib/budget/call-budget.ts';
import { createDynamoTicketCounter } from '../../lib/budget/dynamo-ticket-counter.ts';
import { budgetSystem, COUNTERS, LONG_SYSTEMS, QUICK_SYSTEMS } from './budget-system.ts';
import { explore } from './explore.ts';

/** Visits all states of all systems, those too that are too many for `npm test`. */
for (const [name, system] of Object.entries({ ...QUICK_SYSTEMS, ...LONG_SYSTEMS })) {
  for (const counter of Object.keys(COUNTERS) as (keyof typeof COUNTERS)[]) {
    const found = await explore(
      budgetSystem({ createCallBudget, createDynamoTicketCounter }, { ...system, counter }),
    );
    console.log(`${name}, from a counter that is ${counter}: ${found.states} states`);
    if (found.counterexample === undefined) continue;
    const { violation, schedule } = found.counterexample;
    console.log([violation, ...schedule].join('\n  '));
    process.exitCode = 1;
  }
}
