import { benchBudget } from './budget.ts';
import { benchCost } from './cost.ts';

/** `npm run bench -- <name> [flags]`: comparisons that take too long for the tests. */
const BENCHES: Record<string, (args: string[]) => Promise<void>> = {
  budget: benchBudget,
  cost: benchCost,
};

const [name = '', ...args] = process.argv.slice(2);
const bench = BENCHES[name];
if (bench) {
  await bench(args);
} else {
  console.error(`usage: npm run bench -- <${Object.keys(BENCHES).join('|')}> [--help]`);
  process.exitCode = 2;
}
