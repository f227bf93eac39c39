import { expect, test } from 'vitest';

import { createCallBudget } from '../../lib/budget/call-budget.ts';
import { createDynamoTicketCounter } from '../../lib/budget/dynamo-ticket-counter.ts';
import { BUDGET_MUTANTS } from './budget-mutants.ts';
import { BUDGET_FILES, type BudgetCode, budgetSystem, COUNTERS, QUICK_SYSTEMS } from './budget-system.ts';
import { explore } from './explore.ts';
import { withMutant } from './mutants.ts';

const STARTS = Object.keys(COUNTERS) as (keyof typeof COUNTERS)[];

test.each(Object.entries(QUICK_SYSTEMS))(
  'no schedule of %s gives two calls one ticket, or sends one out of its time',
  async (name, system) => {
    let states = 0;
    for (const counter of STARTS) {
      const found = await explore(
        budgetSystem({ createCallBudget, createDynamoTicketCounter }, { ...system, counter }),
      );
      expect(found.counterexample, `from a counter that is ${counter}`).toBeUndefined();
      states += found.states;
    }
    expect(states).toBeGreaterThan(100);
    console.log(`${name}: ${states} states`);
  },
);

test.each(BUDGET_MUTANTS)('the explorer finds the schedule that breaks the budget if $what', (mutant) =>
  withMutant<BudgetCode>(mutant, BUDGET_FILES, async (code) => {
    let violation: string | undefined;
    for (const counter of STARTS) {
      const found = await explore(budgetSystem(code, { ...QUICK_SYSTEMS[mutant.system], counter }));
      violation ??= found.counterexample?.violation;
      if (violation !== undefined) break;
    }
    expect(violation).toMatch(/sent/);
  }),
);
