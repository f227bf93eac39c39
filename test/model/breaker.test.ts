import { expect, test } from 'vitest';

import { createCallBudget } from '../../lib/budget/call-budget.ts';
import { createDynamoTicketCounter } from '../../lib/budget/dynamo-ticket-counter.ts';
import { BREAKER_MUTANTS } from './breaker-mutants.ts';
import { BREAKER_SYSTEMS, breakerSystem } from './breaker-system.ts';
import { BUDGET_FILES, type BudgetCode } from './budget-system.ts';
import { explore } from './explore.ts';
import { withMutant } from './mutants.ts';

test.each(Object.entries(BREAKER_SYSTEMS))(
  'no schedule of %s sends anything but one probe, and all calls are made once the block is over',
  async (name, system) => {
    const found = await explore(breakerSystem({ createCallBudget, createDynamoTicketCounter }, system));
    expect(found.counterexample).toBeUndefined();
    expect(found.states).toBeGreaterThan(100);
    console.log(`${name}: ${found.states} states`);
  },
);

test.each(BREAKER_MUTANTS)(
  'the explorer finds the schedule that breaks the circuit breaker if $what',
  (mutant) =>
    withMutant<BudgetCode>(mutant, BUDGET_FILES, async (code) => {
      const found = await explore(breakerSystem(code, BREAKER_SYSTEMS[mutant.system]));
      expect(found.counterexample?.violation).toBeDefined();
    }),
);
