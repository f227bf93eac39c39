import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Stryker } from '@stryker-mutator/core';

/**
 * Breaks the code of a folder in every small way, and shows which changes its quick tests do not notice. Part of no other
 * command; test/README.md has the scores.
 */
const USAGE = `npm run mutate -- FOLDER [--static] [--cores N]

  FOLDER     of lib/, such as lib/waf, or one of its files, such as lib/waf/errors.ts
  --static   also changes to code that runs while a module loads: each runs every test of the folder
             in a new environment, so some of them take as long as all others together
  --cores N  how many changes are tried at once; one per core by default

It prints each change that no test noticed, a table of the files, and a row for the table in test/README.md.`;

/**
 * What is quick and tests a folder; others are tested by all of the folder of the same name. Tests that are marked as long are
 * left out everywhere.
 */
const QUICK_TESTS: Readonly<Record<string, readonly string[]>> = {
  // Without the random stories of whole fleets.
  'lib/budget': ['test/lib/budget/!(bound).test.ts'],
  // Without crashes at every await, races, and days of many clients.
  'lib/minter': ['test/lib/minter/!(capacity|crash|race|scale|soak).test.ts', 'test/lib/errors.test.ts'],
  // The breaker is shared in the counter's item, and obeyed by the budget.
  'lib/waf': ['test/lib/waf/*.test.ts', 'test/lib/budget/{waf-blocks,ticket-counter}.test.ts'],
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    static: { type: 'boolean', default: false },
    cores: { type: 'string', default: String(availableParallelism()) },
  },
});
const [target = ''] = positionals;
const folder = target.replace(/\/[^/]+\.ts$/, '');
const cores = Number(values.cores);
if (!existsSync(target) || !existsSync(`test/${folder}`) || !(cores >= 1)) {
  console.error(USAGE);
  process.exit(2);
}

// Stryker's workers inherit it: test/mutate.vitest.config.ts reads it.
process.env.PLUME_MUTATION_TESTS = JSON.stringify(QUICK_TESTS[folder] ?? [`test/${folder}/**/*.test.ts`]);
const startedAtMs = Date.now();
const mutants = await new Stryker({
  mutate: [target.endsWith('.ts') ? target : `${target}/**/*.ts`],
  testRunner: 'vitest',
  vitest: { configFile: 'test/mutate.vitest.config.ts', related: false },
  plugins: ['@stryker-mutator/vitest-runner'],
  // TypeScript 7 has no API that Stryker could ask: it must find no configuration.
  tsconfigFile: 'none',
  // Under node_modules Node does not run TypeScript.
  tempDirName: '.mutants',
  ignorePatterns: ['.package', 'cdk.out', '.docs'],
  coverageAnalysis: 'perTest',
  ignoreStatic: !values.static,
  // Beyond the time that the tests take without a change: the change makes them wait for ever, and counts as noticed.
  timeoutMS: 2_000,
  concurrency: cores,
  reporters: ['clear-text', 'progress-append-only'],
  clearTextReporter: { logTests: false, reportTests: false, allowEmojis: false },
  thresholds: { high: 92, low: 92, break: null },
}).runMutationTest();

const count = (status: (typeof mutants)[number]['status']): number =>
  mutants.filter((mutant) => mutant.status === status).length;
const noticed = count('Killed') + count('Timeout');
const missed = count('Survived') + count('NoCoverage');
const row = [
  `\`${target}\``,
  noticed + missed,
  `${count('Killed')} / ${count('Timeout')} / ${count('Survived')} / ${count('NoCoverage')}`,
  `${((100 * noticed) / (noticed + missed)).toFixed(1)} %`,
  count('Ignored'),
  `${Math.ceil((Date.now() - startedAtMs) / 60_000)} min on ${cores} ${cores === 1 ? 'core' : 'cores'}`,
];
console.log(`| ${row.join(' | ')} |`);
